import { present } from '../../base/index.ts';
import { BarnError, type Key, type RangeOptions, type RangeResult, type Revision } from '../barn.ts';
import type { EtcdCalls } from './calls.ts';
import { type Compactions, isCompacted } from './compactions.ts';
import type { Follower } from './follower.ts';
import type { KeySpace } from './key-space.ts';
import { type EtcdRange, encodeTxn } from './kv-messages.ts';

/** What reading needs. */
export interface ReadsOptions {
  readonly calls: EtcdCalls;
  readonly space: KeySpace;
  readonly follower: Follower;
  readonly compactions: Compactions;
}

/** Reads as the door promises them. */
export class Reads {
  readonly #options: ReadsOptions;

  constructor(options: ReadsOptions) {
    this.#options = options;
  }

  /** As Barn.range; what it is given has been checked. */
  async range(start: Key, end: Key | undefined, options: RangeOptions): Promise<RangeResult> {
    const { limit = 0, keysOnly = false, serializable = false, revision = 0 } = options;
    const range = { ...this.#options.space.range(start, end), limit, keysOnly, serializable };
    if (revision === 0) return this.#now(range);
    try {
      return await this.#at(range, revision);
    } catch (error) {
      if (!isCompacted(error)) throw error;
      await this.#options.compactions.find();
      const { compactRevision } = this.#options.follower;
      const message = `revision ${revision} is gone: the history before ${compactRevision} was compacted`;
      throw new BarnError('Compacted', message, { cause: error, compactRevision });
    }
  }

  /** A revision not older than any write acknowledged before the call. */
  async revision(): Promise<Revision> {
    const { calls, space } = this.#options;
    return space.here((await calls.range({ key: space.nothing, countOnly: true }, 'ask for the revision')).revision);
  }

  async #now(range: EtcdRange): Promise<RangeResult> {
    const { calls, space } = this.#options;
    const { revision, items, more, count } = await calls.range(range, 'read the store');
    return { revision: space.here(revision), items: items.map((kv) => space.kv(kv)), more, count };
  }

  /** Looks in the same transaction whether the revision is not compacted here: see KeySpace.compactionThere. */
  async #at(range: EtcdRange, revision: Revision): Promise<RangeResult> {
    const { calls, space } = this.#options;
    const border: EtcdRange = {
      ...range,
      key: space.nothing,
      end: undefined,
      revision: space.compactionThere(revision),
    };
    const request = encodeTxn(
      [],
      [
        { do: 'range', range: { ...range, revision: space.there(revision) } },
        { do: 'range', range: border },
      ],
      [],
    );
    const { revision: now, responses } = await calls.txn(request, `read the store at revision ${revision}`, true);
    const { items, more, count } = present(responses[0], 'an answer to a range');
    return { revision: space.here(now), items: items.map((kv) => space.kv(kv)), more, count };
  }
}
