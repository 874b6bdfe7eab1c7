import type { MemberCounts, TimeCounts } from '../barn.ts';

/** What the consensus side has counted since it began. */
export interface ConsensusCounts
  extends Omit<MemberCounts, 'proposalsPending' | 'proposalsFailed' | 'sealing' | 'values'> {
  /** What the log is sealed with. */
  readonly logKeys: readonly string[];
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

  read(): TimeCounts {
    return { buckets, counts: [...this.#counts], sum: this.#sum };
  }
}
