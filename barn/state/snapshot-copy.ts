import { assert } from '../../base/index.ts';
import { BarnError } from '../barn.ts';
import type { Sealer } from '../seal.ts';
import { type Disk, flushBytes, storedBytes } from './disk.ts';
import type { Head } from './head.ts';
import { recordWrite, type Slot } from './layout.ts';
import { StateBuilder } from './load.ts';
import type { VersionRecord } from './record.ts';
import type { SnapshotReader } from './snapshot.ts';
import type { State, ValueRoom } from './state.ts';

/** Takes a snapshot in: into memory, and into a slot of the disk that nobody reads until a head names it. */
export class SnapshotCopy implements SnapshotReader {
  readonly slot: Slot;
  /** The disk refused: the store must end. */
  diskError: { readonly cause: unknown } | undefined;
  readonly #disk: Disk;
  readonly #sealer: Sealer;
  readonly #roomBytes: number;
  readonly #above: () => number;
  readonly #room: ValueRoom;
  #head: Head | undefined;
  #builder: StateBuilder | undefined;

  constructor(options: {
    readonly slot: Slot;
    readonly disk: Disk;
    readonly sealer: Sealer;
    /** One that needs more is refused. */
    readonly roomBytes: number;
    /** A snapshot up to this entry or an earlier one is not wanted. */
    readonly above: () => number;
    /** Of the slot: what is written there may leave memory. */
    readonly room: ValueRoom;
  }) {
    this.slot = options.slot;
    this.#disk = options.disk;
    this.#sealer = options.sealer;
    this.#roomBytes = options.roomBytes;
    this.#above = options.above;
    this.#room = options.room;
  }

  head(head: Head): boolean {
    if (head.applied.index <= this.#above()) return false;
    const neededBytes = storedBytes(head) + 2 * flushBytes;
    if (neededBytes > this.#roomBytes)
      throw new BarnError(
        'NoSpace',
        `install a snapshot: it needs ${neededBytes} bytes on the disk of this member, and ${this.#roomBytes} are free: make room on it`,
      );
    this.#head = head;
    this.#builder = new StateBuilder(head, this.#room);
    return true;
  }

  async records(page: readonly VersionRecord[]): Promise<void> {
    for (const record of page) this.#builder?.add(record);
    try {
      await this.#disk.write(
        page.map((record) => recordWrite(this.slot, record, this.#sealer)),
        { sync: false },
      );
    } catch (cause) {
      this.diskError = { cause };
      throw cause;
    }
    this.#builder?.written();
  }

  /** What was read, once it is whole. Errors: Corrupt when it is not what its head says. */
  finish(): { readonly head: Head; readonly state: State } {
    assert(this.#head !== undefined && this.#builder !== undefined, 'a snapshot that was read has a head');
    return { head: this.#head, state: this.#builder.finish() };
  }
}
