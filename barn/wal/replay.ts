import type { Entry, HardState, Snapshot } from '../raft/protocol.ts';
import { FormatError } from './bytes.ts';
import type { SegmentHead } from './format.ts';
import type { LogItem } from './items.ts';

/** What the items of a log come to, one after the other. Errors of both methods: FormatError, when they do not fit together. */
export class Replay {
  #snapshot: Snapshot;
  #hardState: HardState | undefined;
  #lastIndex: number;
  /** The index of the first entry that is here or would be the next; those before it were in segments that are gone. */
  #heldFrom: number;
  #entries: Entry[] = [];

  constructor(head: Pick<SegmentHead, 'snapshot' | 'hardState' | 'lastIndex'>) {
    this.#snapshot = head.snapshot;
    this.#hardState = head.hardState;
    this.#lastIndex = Math.max(head.lastIndex, head.snapshot.index);
    this.#heldFrom = this.#lastIndex + 1;
  }

  get lastIndex(): number {
    return this.#lastIndex;
  }

  apply(item: LogItem): void {
    switch (item.kind) {
      case 'hardState':
        this.#hardState = item.hardState;
        return;
      case 'restart':
        this.#snapshot = item.snapshot;
        this.#lastIndex = item.snapshot.index;
        this.#entries = [];
        this.#heldFrom = this.#lastIndex + 1;
        return;
      case 'released':
        this.#release(item.snapshot);
        return;
      case 'entry':
        this.#append(item.entry);
    }
  }

  /** What is there in the end. */
  result(): { readonly snapshot: Snapshot; readonly hardState: HardState | undefined; readonly entries: Entry[] } {
    const { index } = this.#snapshot;
    if (index + 1 < this.#heldFrom)
      throw new FormatError(
        `the entries from ${index + 1} to ${this.#heldFrom - 1} are missing: segments before it are gone`,
      );
    return { snapshot: this.#snapshot, hardState: this.#hardState, entries: this.#entries };
  }

  #append(entry: Entry): void {
    const { index } = entry;
    if (index > this.#lastIndex + 1 || index <= this.#snapshot.index)
      throw new FormatError(
        `entry ${index} does not go on from ${this.#lastIndex}, or is below the snapshot at ${this.#snapshot.index}`,
      );
    if (index < this.#heldFrom) {
      this.#entries = [];
      this.#heldFrom = index;
    }
    this.#entries.length = index - this.#heldFrom;
    this.#entries.push(entry);
    this.#lastIndex = index;
  }

  #release(snapshot: Snapshot): void {
    if (snapshot.index < this.#snapshot.index) return;
    if (snapshot.index > this.#lastIndex)
      throw new FormatError(`it is released up to ${snapshot.index}, and ends at ${this.#lastIndex}`);
    this.#snapshot = snapshot;
    const released = snapshot.index + 1 - this.#heldFrom;
    if (released <= 0) return;
    this.#entries.splice(0, released);
    this.#heldFrom += released;
  }
}
