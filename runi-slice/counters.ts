import type { Counters } from './protocol/index.ts';

/** The running counts of a step; the slice owns one, everything that reads, writes or rejects adds to it. */
export class RunningCounters implements Counters {
  recordsIn = 0;
  recordsOut = 0;
  recordsRejected = 0;
  bytesIn = 0;
  bytesOut = 0;
}
