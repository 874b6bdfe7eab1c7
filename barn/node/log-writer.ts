import type { MemoryStorage } from '../raft/memory-storage.ts';
import type { HardState, Message } from '../raft/protocol.ts';
import type { Wal } from '../wal/wal.ts';
import { Times } from './counts.ts';

interface Pending {
  readonly message: Message;
  /** There is something in it that the disk must have. */
  readonly isWritten: boolean;
  isDone: boolean;
}

/**
 * The append thread of the core: writes go to the log in order, and their answers go out when they are durable, in the same
 * order. A new commit index alone is not written: it goes with the next write, and is learnt again after a restart.
 */
export class LogWriter {
  readonly syncs = new Times();
  readonly #wal: Wal;
  readonly #storage: MemoryStorage;
  readonly #nowMs: () => number;
  readonly #deliver: (responses: readonly Message[], isWritten: boolean) => void;
  readonly #onFailed: (error: unknown) => void;
  #hardState: HardState;
  #pending: Pending[] = [];

  constructor(options: {
    readonly wal: Wal;
    readonly storage: MemoryStorage;
    readonly hardState: HardState;
    readonly nowMs: () => number;
    /** Steps or sends what waited for the disk, or, not `isWritten`, only for its turn. */
    readonly deliver: (responses: readonly Message[], isWritten: boolean) => void;
    readonly onFailed: (error: unknown) => void;
  }) {
    this.#wal = options.wal;
    this.#storage = options.storage;
    this.#hardState = options.hardState;
    this.#nowMs = options.nowMs;
    this.#deliver = options.deliver;
    this.#onFailed = options.onFailed;
  }

  /** The disk is at work. */
  get isWriting(): boolean {
    return this.#pending.length > 0;
  }

  /** Takes a MsgStorageAppend; `hardState` and `mustSync` as its Ready says, `isBrief` as the log takes it. */
  append(
    message: Message,
    hardState: HardState | undefined,
    { mustSync, isBrief }: { readonly mustSync: boolean; readonly isBrief: boolean },
  ): void {
    if (hardState !== undefined) this.#hardState = hardState;
    const { entries, snapshot } = message;
    const isWritten = mustSync || snapshot !== undefined;
    const pending: Pending = { message, isWritten, isDone: !isWritten };
    this.#pending.push(pending);
    if (!isWritten) return this.#settle();
    const startedMs = this.#nowMs();
    const write = { hardState: this.#hardState, entries, isBrief, ...(snapshot !== undefined && { snapshot }) };
    this.#wal.append(write).then(() => {
      this.syncs.add((this.#nowMs() - startedMs) / 1_000);
      pending.isDone = true;
      this.#settle();
    }, this.#onFailed);
  }

  /** Lets go of what is done, up to the first that is not. */
  #settle(): void {
    let count = 0;
    for (const { message, isDone } of this.#pending) {
      if (!isDone) break;
      count++;
      if (message.snapshot !== undefined) this.#storage.applySnapshot(message.snapshot);
      this.#storage.append(message.entries);
    }
    // Taken out first: an answer may bring the next write.
    for (const { message, isWritten } of this.#pending.splice(0, count))
      this.#deliver(message.responses ?? [], isWritten);
  }
}
