import type { MemoryStorage } from '../raft/memory-storage.ts';
import type { Snapshot } from '../raft/protocol.ts';
import type { Wal } from '../wal/wal.ts';

/** What stays in the log below what is durable in the state: a peer that was away for a moment needs no snapshot. */
export interface KeptLimits {
  /** So many entries, but no more bytes. */
  readonly keptEntries: number;
  readonly keptBytes: number;
  /** Released at least so many at a time: it costs a copy of what stays. */
  readonly stepEntries: number;
}

const productLimits: KeptLimits = { keptEntries: 5_000, keptBytes: 32 * 1024 * 1024, stepEntries: 1_000 };

/** Lets go of the log's beginning as the state becomes durable. */
export class LogRelease {
  readonly #wal: Wal;
  readonly #storage: MemoryStorage;
  readonly #onFailed: (error: unknown) => void;
  readonly #limits: KeptLimits;
  #marks: Snapshot[] = [];
  #handed: { readonly last: number; readonly bytes: number }[] = [];
  #handedBytes = 0;

  constructor(wal: Wal, storage: MemoryStorage, onFailed: (error: unknown) => void, limits: Partial<KeptLimits> = {}) {
    this.#wal = wal;
    this.#storage = storage;
    this.#onFailed = onFailed;
    this.#limits = { ...productLimits, ...limits };
  }

  /** Entries up to `last` went to the state side. */
  handed(last: number, bytes: number): void {
    this.#handed.push({ last, bytes });
    this.#handedBytes += bytes;
  }

  durable(snapshot: Snapshot): void {
    this.#marks.push(snapshot);
    if (!this.#holds(snapshot)) return;
    if (snapshot.index > this.#storage.snapshot().index)
      this.#storage.createSnapshot(snapshot.index, snapshot.confState);
    const below = this.#keptFrom(snapshot.index);
    const mark = this.#marks.findLast((one) => one.index <= below && this.#holds(one));
    if (mark === undefined || mark.index < this.#storage.firstIndex() + this.#limits.stepEntries) return;
    this.#marks = this.#marks.filter(({ index }) => index > mark.index);
    while (this.#handed[0] !== undefined && this.#handed[0].last <= mark.index)
      this.#handedBytes -= this.#handed.shift()?.bytes ?? 0;
    this.#storage.compact(mark.index);
    this.#wal.release(mark).catch(this.#onFailed);
  }

  /**
   * Whether the log has that very entry. The state is ahead of it, or of another history, when it installed a snapshot that the
   * core has not taken yet, or will not: its leader may be gone.
   */
  #holds({ index, term }: Snapshot): boolean {
    const storage = this.#storage;
    return index >= storage.firstIndex() - 1 && index <= storage.lastIndex() && storage.term(index) === term;
  }

  /** Up to which entry the log may go. */
  #keptFrom(durable: number): number {
    let over = this.#handedBytes - this.#limits.keptBytes;
    let byBytes = 0;
    for (const { last, bytes } of this.#handed) {
      if (over <= 0) break;
      over -= bytes;
      byBytes = last;
    }
    return Math.min(durable, Math.max(durable - this.#limits.keptEntries, byBytes));
  }
}
