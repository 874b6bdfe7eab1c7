import type { BarnError, KeyValue } from '../barn.ts';
import type { Sealer } from '../seal.ts';
import { storageFault } from '../storage-fault.ts';
import type { Disk, DiskReader } from './disk.ts';
import { damaged, recordKey, type Slot, whereOf } from './layout.ts';
import { decodeRecord } from './record.ts';
import { type AbsentVersion, isHere, type ValueReader } from './version.ts';

/** A reader of what the disk held when it was made, until it is closed. */
export interface ValueView extends ValueReader {
  close(): Promise<void>;
}

/** Reads values of a member's state back from its disk, and counts them. */
export class DiskValues {
  readonly #disk: Disk;
  readonly #sealer: Sealer;
  readonly #views = new Set<Promise<void>>();
  #read = 0;
  /** Called with what a disk refused or had lost: nothing can be answered any more. */
  onFailed: (error: BarnError) => void = () => {};
  /** Called when what a view held may be given back to the file system. */
  onViewClosed: () => void = () => {};

  constructor(disk: Disk, sealer: Sealer) {
    this.#disk = disk;
    this.#sealer = sealer;
  }

  /** How many values were read back. */
  get read(): number {
    return this.#read;
  }

  /** Reads what a slot holds at the time of each call. */
  of(slot: Slot): ValueReader {
    return this.#readerOf(slot, this.#disk);
  }

  /** Reads what a slot holds now, whatever is dropped. */
  view(slot: Slot): ValueView {
    const disk = this.#disk.view();
    let ended = (): void => {};
    const open = new Promise<void>((resolve) => (ended = resolve));
    this.#views.add(open);
    return {
      ...this.#readerOf(slot, disk),
      close: async () => {
        this.#views.delete(open);
        ended();
        await disk.close();
        this.onViewClosed();
      },
    };
  }

  /** Resolves when the views that are open now are closed, or the signal aborts. */
  async viewsEnded(signal: AbortSignal): Promise<void> {
    if (this.#views.size === 0 || signal.aborted) return;
    const aborted = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    await Promise.race([Promise.all(this.#views), aborted]);
  }

  #readerOf(slot: Slot, disk: DiskReader): ValueReader {
    return {
      fill: async (versions) => {
        const absent = versions.filter((version) => !isHere(version));
        try {
          // Before anything is waited for: what is dropped from here on is still read.
          const records = await disk.getMany(absent.map((version) => keyOf(slot, version)));
          const values = records.values();
          return versions.map((version) =>
            isHere(version) ? version : this.#opened(slot, version, values.next().value),
          );
        } catch (cause) {
          throw this.#failed(cause);
        }
      },
      fillNow: (version) => {
        try {
          return this.#opened(slot, version, this.#disk.getNow(keyOf(slot, version)));
        } catch (cause) {
          throw this.#failed(cause);
        }
      },
    };
  }

  #opened(slot: Slot, version: AbsentVersion, bytes: Uint8Array | undefined): KeyValue {
    const where = whereOf(keyOf(slot, version));
    if (bytes === undefined) throw damaged(`${where} is missing`);
    const { kv } = decodeRecord(this.#sealer.unseal(bytes, where), where);
    if (kv.key !== version.key || kv.modRevision !== version.modRevision || kv.version !== version.version)
      throw damaged(`${where} belongs elsewhere`);
    this.#read++;
    // All versions of a key share one string.
    return { ...kv, key: version.key };
  }

  #failed(cause: unknown): BarnError {
    const error = storageFault('read a value of the state', cause);
    this.onFailed(error);
    return error;
  }
}

function keyOf(slot: Slot, { modRevision, index }: AbsentVersion): string {
  return recordKey(slot, modRevision, index);
}
