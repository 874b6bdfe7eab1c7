import type { Key } from '../barn.ts';

/**
 * Transactions that touch a common key go one after the other, in the order they came; others go side by side. etcd handles
 * the calls of one connection in any order.
 */
export class KeyOrder {
  /** Per key, when the last one that touches it is over; holds no more than what is under way. */
  readonly #tails = new Map<Key, Promise<void>>();

  /** Runs `work` once all that came before on `keys` is over; at once, within the call, when nothing is. */
  run<T>(keys: ReadonlySet<Key>, work: () => Promise<T>): Promise<T> {
    const before: Promise<void>[] = [];
    for (const key of keys) {
      const tail = this.#tails.get(key);
      if (tail !== undefined) before.push(tail);
    }
    const turn = before.length === 0 ? work() : Promise.all(before).then(work);
    const forget = (): void => {
      for (const key of keys) if (this.#tails.get(key) === tail) this.#tails.delete(key);
    };
    const tail: Promise<void> = turn.then(forget, forget);
    for (const key of keys) this.#tails.set(key, tail);
    return turn;
  }
}
