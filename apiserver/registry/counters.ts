import type { Key, KeyValue } from '../../barn/index.ts';

/** Counters that are remembered; a forgotten one costs the next write one attempt more. */
const knownMax = 10_000;

/**
 * What this server last saw of the counters of objects, and whose turn it is to change one. Nothing here need be true: each
 * write compares what it assumed.
 */
export class Counters {
  readonly #known = new Map<Key, KeyValue>();
  /** The last of those that wait for each counter; as many wait as requests are under way. */
  readonly #turns = new Map<Key, Promise<unknown>>();

  /** The counter as it was last seen; undefined: none was. */
  known(key: Key): KeyValue | undefined {
    return this.#known.get(key);
  }

  /** Takes note of what a transaction found. */
  learn(key: Key, found: KeyValue | undefined): void {
    if (found === undefined) {
      this.#known.delete(key);
      return;
    }
    // Answers of the store come in no order: what is older than what is known says nothing.
    const before = this.#known.get(key);
    if (before !== undefined && before.modRevision > found.modRevision) return;
    if (before === undefined && this.#known.size >= knownMax) this.#known.clear();
    this.#known.set(key, found);
  }

  /** Does `work` when all that asked before are done: writes of one server do not get in each other's way. */
  async inTurn<T>(key: Key, work: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(key);
    const mine = before === undefined ? work() : before.then(work, work);
    this.#turns.set(key, mine);
    try {
      return await mine;
    } finally {
      if (this.#turns.get(key) === mine) this.#turns.delete(key);
    }
  }
}
