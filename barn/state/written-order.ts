import type { Key } from '../barn.ts';
import type { Version } from './version.ts';

/** Every version of a key that can still be asked for, oldest first; never empty. A deletion is a version too. */
export interface KeyHistory {
  readonly key: Key;
  readonly versions: Version[];
  /** Its neighbours among those whose newest value is in memory. */
  older: KeyHistory | undefined;
  newer: KeyHistory | undefined;
  isListed: boolean;
}

/** The keys whose newest value is in memory, in the order in which they were written: a linked list through the histories. */
export class WrittenOrder {
  #oldest: KeyHistory | undefined;
  #newest: KeyHistory | undefined;

  /** The one that was not written for the longest time. */
  get oldest(): KeyHistory | undefined {
    return this.#oldest;
  }

  /** It was written just now. */
  touch(history: KeyHistory): void {
    if (this.#newest === history) return;
    this.leave(history);
    history.older = this.#newest;
    history.isListed = true;
    if (this.#newest === undefined) this.#oldest = history;
    else this.#newest.newer = history;
    this.#newest = history;
  }

  /** Nothing happens when it is not listed. */
  leave(history: KeyHistory): void {
    if (!history.isListed) return;
    const { older, newer } = history;
    if (older === undefined) this.#oldest = newer;
    else older.newer = newer;
    if (newer === undefined) this.#newest = older;
    else newer.older = older;
    history.older = undefined;
    history.newer = undefined;
    history.isListed = false;
  }
}
