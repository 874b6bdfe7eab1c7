import type { Clock, Log, Random } from '../../base/index.ts';
import type { Client } from '../../client/index.ts';
import type { Informers } from './informers.ts';
import type { EventRecorder } from './recorder.ts';

/** What every controller of a process shares. */
export interface ControllerContext {
  readonly client: Client;
  readonly informers: Informers;
  readonly recorder: EventRecorder;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}
