import type { MemoryStorage } from '../raft/memory-storage.ts';
import type { Snapshot } from '../raft/protocol.ts';
import type { Wal } from '../wal/wal.ts';

/** So many entries, but no more bytes, stay in the log below what is durable in the state: a peer that was away for a moment needs no snapshot. */
const keptEntries = 5_000;
const keptBytes = 32 * 1024 * 1024;
/** Released at least so many at a time: it costs a copy of what stays. */
const stepEntries = 1_000;

/** Lets go of the log's beginning as the state becomes durable. */
export class LogRelease {
  readonly #wal: Wal;
  readonly #storage: MemoryStorage;
  readonly #onFailed: (error: unknown) => void;
  #marks: Snapshot[] = [];
  #handed: { readonly last: number; readonly bytes: number }[] = [];
  #handedBytes = 0;

  constructor(wal: Wal, storage: MemoryStorage, onFailed: (error: unknown) => void) {
    this.#wal = wal;
    this.#storage = storage;
    this.#onFailed = onFailed;
  }

  /** Entries up to `last` went to the state side. */
  handed(last: number, bytes: number): void {
    this.#handed.push({ last, bytes });
    this.#handedBytes += bytes;
  }

  durable(snapshot: Snapshot): void {
    this.#marks.push(snapshot);
    const newest = this.#storage.snapshot().index;
    if (snapshot.index > newest && snapshot.index <= this.#storage.lastIndex())
      this.#storage.createSnapshot(snapshot.index, snapshot.confState);
    const below = this.#keptFrom(snapshot.index);
    const mark = this.#marks.findLast(({ index }) => index <= below);
    if (mark === undefined || mark.index < this.#storage.firstIndex() + stepEntries) return;
    this.#marks = this.#marks.filter(({ index }) => index > mark.index);
    while (this.#handed[0] !== undefined && this.#handed[0].last <= mark.index)
      this.#handedBytes -= this.#handed.shift()?.bytes ?? 0;
    this.#storage.compact(mark.index);
    this.#wal.release(mark).catch(this.#onFailed);
  }

  /** Up to which entry the log may go. */
  #keptFrom(durable: number): number {
    let over = this.#handedBytes - keptBytes;
    let byBytes = 0;
    for (const { last, bytes } of this.#handed) {
      if (over <= 0) break;
      over -= bytes;
      byBytes = last;
    }
    return Math.min(durable, Math.max(durable - keptEntries, byBytes));
  }
}
