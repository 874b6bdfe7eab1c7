import type { Key } from '../barn.ts';

const chunkLengthMax = 512;
const chunkLengthMerge = 128;

/** Entries in key order, in chunks, so that an insert among 100,000 moves at most one chunk. Keys are unique. */
export class SortedKeys<Entry extends { readonly key: Key }> {
  // Never holds an empty chunk.
  readonly #chunks: Entry[][] = [];

  /** Adds an entry whose key is not there yet. */
  insert(entry: Entry): void {
    const at = this.#chunkOf(entry.key);
    const chunk = this.#chunks[at];
    if (chunk === undefined) {
      this.#chunks.push([entry]);
      return;
    }
    chunk.splice(lowerBound(chunk, entry.key), 0, entry);
    if (chunk.length > chunkLengthMax) this.#chunks.splice(at + 1, 0, chunk.splice(chunk.length >> 1));
  }

  /** Removes the entry of `key`; nothing happens when it is absent. */
  delete(key: Key): void {
    const at = this.#chunkOf(key);
    const chunk = this.#chunks[at];
    if (chunk === undefined) return;
    const index = lowerBound(chunk, key);
    if (chunk[index]?.key !== key) return;
    chunk.splice(index, 1);
    const next = this.#chunks[at + 1];
    if (chunk.length === 0) {
      this.#chunks.splice(at, 1);
    } else if (next !== undefined && chunk.length + next.length <= chunkLengthMerge) {
      chunk.push(...next);
      this.#chunks.splice(at + 1, 1);
    }
  }

  /** Calls `visit` with every entry in [start, end), in order; `visit` must not insert or delete. */
  forEach(start: Key, end: Key, visit: (entry: Entry) => void): void {
    for (let at = this.#chunkOf(start); at < this.#chunks.length; at++) {
      const chunk = this.#chunks[at] ?? [];
      for (let index = lowerBound(chunk, start); index < chunk.length; index++) {
        const entry = chunk[index];
        if (entry === undefined || entry.key >= end) return;
        visit(entry);
      }
    }
  }

  /** The index of the last chunk that begins at or before `key`, else 0. */
  #chunkOf(key: Key): number {
    let low = 0;
    let high = this.#chunks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const first = this.#chunks[middle]?.[0];
      if (first !== undefined && first.key <= key) low = middle + 1;
      else high = middle;
    }
    return Math.max(0, low - 1);
  }
}

/** The index of the first entry whose key is not below `key`. */
function lowerBound(chunk: readonly { readonly key: Key }[], key: Key): number {
  let low = 0;
  let high = chunk.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const entry = chunk[middle];
    if (entry !== undefined && entry.key < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
