import type { MemberId } from '../raft/protocol.ts';

/** Times in seconds, counted in buckets; `counts` has one more than `buckets`, for what is above the last. */
export interface Histogram {
  readonly buckets: readonly number[];
  readonly counts: readonly number[];
  readonly sum: number;
}

/** What the consensus side has counted since it began. */
export interface ConsensusCounts {
  readonly leaderChanges: number;
  readonly committed: number;
  readonly logBytes: number;
  /** Times of the synced writes to the log. */
  readonly syncs: Histogram;
  readonly snapshotsSent: number;
  readonly snapshotsReceived: number;
  /** Peers with a live connection. */
  readonly connected: readonly MemberId[];
}

// etcd's buckets of its disk and network times: 1 ms doubled up to about 8 s.
const buckets = Array.from({ length: 14 }, (_, power) => 0.001 * 2 ** power);

/** A histogram in the making. */
export class Times {
  readonly #counts = Array.from({ length: buckets.length + 1 }, () => 0);
  #sum = 0;

  add(seconds: number): void {
    this.#sum += seconds;
    let bucket = 0;
    while (bucket < buckets.length && seconds > (buckets[bucket] ?? 0)) bucket++;
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
  }

  read(): Histogram {
    return { buckets, counts: [...this.#counts], sum: this.#sum };
  }
}
