import type { Log } from '../../base/index.ts';
import { BarnError, type Revision } from '../barn.ts';
import type { EtcdCalls } from './calls.ts';
import type { Follower } from './follower.ts';
import type { KeySpace } from './key-space.ts';

/** What compaction needs. */
export interface CompactionsOptions {
  readonly calls: EtcdCalls;
  readonly space: KeySpace;
  readonly follower: Follower;
  readonly log: Log;
  /** Whether etcd is compacted when the history outgrows its bound; else only this process forgets. */
  readonly compacts: boolean;
}

/** Compacts etcd, when asked and when there is too much history, and learns of compactions by others. */
export class Compactions {
  readonly #options: CompactionsOptions;
  #underWay: Promise<void> = Promise.resolve();
  #isUnderWay = false;

  constructor(options: CompactionsOptions) {
    this.#options = options;
  }

  /** Forgets history below `revision`, which is not in the future, after what is under way. */
  async to(revision: Revision): Promise<void> {
    await this.#underWay;
    await this.#to(revision);
  }

  /** Sets about it when there is too much history; `over` waits for it. */
  whenDue(): void {
    const { follower, compacts, log } = this.#options;
    const due = follower.compactionDue;
    if (due === undefined || this.#isUnderWay) return;
    if (!compacts) return follower.compacted(due);
    this.#isUnderWay = true;
    this.#underWay = this.#to(due)
      .catch((error: unknown) => log.warn('could not compact etcd', { revision: due, cause: String(error) }))
      .finally(() => (this.#isUnderWay = false));
  }

  async over(): Promise<void> {
    await this.#underWay;
  }

  /** Learns where etcd is compacted by now, and ends the watches here that had not read so far. */
  async find(): Promise<void> {
    const { calls, space, follower } = this.#options;
    const known = Math.max(1, space.compactionThere(follower.compactRevision));
    try {
      await calls.range({ key: space.nothing, revision: known, countOnly: true }, 'look where etcd is compacted');
    } catch (error) {
      if (!isCompacted(error)) throw error;
      follower.compacted(space.compactionHere(await calls.compactedAbove(known)));
    }
  }

  async #to(revision: Revision): Promise<void> {
    const { calls, space, follower } = this.#options;
    if (revision <= follower.compactRevision) return;
    try {
      await calls.compact(space.compactionThere(revision), `compact at revision ${revision}`);
    } catch (error) {
      // Somebody has compacted as far, or farther.
      if (!isCompacted(error)) throw error;
    }
    follower.compacted(revision);
  }
}

/** Whether etcd refused because the history is gone. */
export function isCompacted(error: unknown): boolean {
  return error instanceof BarnError && error.reason === 'Compacted';
}
