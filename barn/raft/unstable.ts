import { InvariantError } from '../../base/index.ts';
import { fittingEnd } from './entry-size.ts';
import { noEntries } from './message.ts';
import type { Entry, Snapshot } from './protocol.ts';

/**
 * The end of the log that the storage does not surely have yet: entries, and before them perhaps a snapshot. What was handed
 * out for writing stays here until the storage has it. `offset` may lie below the storage's last index: then the next write
 * overwrites the storage from there on. Arrays that were handed out are never changed.
 */
export class Unstable {
  /** The index of the first entry here. */
  offset: number;
  snapshot: Snapshot | undefined;
  private entries: Entry[] = [];
  /** Entries below this index are being written. Invariant: offset <= this. */
  private offsetInProgress: number;
  private isSnapshotInProgress = false;
  /** The last range that was handed out: followers and disk mostly want the same one. */
  private view: readonly Entry[] = noEntries;
  private viewLow = 0;

  constructor(offset: number) {
    this.offset = offset;
    this.offsetInProgress = offset;
  }

  get hasEntries(): boolean {
    return this.entries.length > 0;
  }

  get hasNextEntries(): boolean {
    return this.offset + this.entries.length > this.offsetInProgress;
  }

  /** Where the log begins when a snapshot says so. */
  firstIndex(): number | undefined {
    return this.snapshot === undefined ? undefined : this.snapshot.index + 1;
  }

  lastIndex(): number | undefined {
    if (this.entries.length > 0) return this.offset + this.entries.length - 1;
    return this.snapshot?.index;
  }

  term(index: number): number | undefined {
    if (index >= this.offset) return this.entries[index - this.offset]?.term;
    return this.snapshot?.index === index ? this.snapshot.term : undefined;
  }

  /** What is to be written and is not being written yet. */
  nextEntries(): readonly Entry[] {
    return this.hasNextEntries ? this.slice(this.offsetInProgress, this.offset + this.entries.length) : noEntries;
  }

  /** The snapshot to be written, unless it is being written already. */
  nextSnapshot(): Snapshot | undefined {
    return this.isSnapshotInProgress ? undefined : this.snapshot;
  }

  /** All that is here is being written now. */
  acceptInProgress(): void {
    if (this.entries.length > 0) this.offsetInProgress = this.offset + this.entries.length;
    if (this.snapshot !== undefined) this.isSnapshotInProgress = true;
  }

  /**
   * The storage has everything up to this entry, and no write under way can overwrite it: whoever calls answers for that
   * (see storage-messages.ts). An entry that is not here, or has another term here, is passed over.
   */
  stableTo(term: number, index: number): void {
    if (index < this.offset || this.term(index) !== term) return;
    const count = index + 1 - this.offset;
    this.entries = count === this.entries.length ? [] : this.entries.slice(count);
    this.offset = index + 1;
    this.offsetInProgress = Math.max(this.offsetInProgress, this.offset);
    if (this.entries.length === 0) this.forgetView();
  }

  /** The storage has the snapshot of this index. */
  stableSnapshotTo(index: number): void {
    if (this.snapshot?.index !== index) return;
    this.snapshot = undefined;
    this.isSnapshotInProgress = false;
  }

  /** The log begins anew after a snapshot. */
  restore(snapshot: Snapshot): void {
    this.offset = snapshot.index + 1;
    this.offsetInProgress = this.offset;
    this.entries = [];
    this.snapshot = snapshot;
    this.isSnapshotInProgress = false;
    this.forgetView();
  }

  /** Appends consecutive entries from position `from` of the array on; those from their first index on are replaced. */
  truncateAndAppend(entries: readonly Entry[], from: number): void {
    const first = entries[from];
    if (first === undefined) return;
    const { index } = first;
    if (index <= this.offset) {
      if (index < this.offset || this.entries.length > 0) this.forgetView();
      this.entries = [];
      this.offset = index;
      this.offsetInProgress = index;
    } else if (index < this.offset + this.entries.length) {
      this.entries.length = index - this.offset;
      this.offsetInProgress = Math.min(this.offsetInProgress, index);
      this.forgetView();
    }
    if (index !== this.offset + this.entries.length) throw new InvariantError(`append at ${index} leaves a gap`);
    for (let at = from; at < entries.length; at++) {
      const entry = entries[at];
      if (entry !== undefined) this.entries.push(entry);
    }
  }

  /** Entries in [low, high) as far as they fit `bytesMax`, at least one. All must be here. */
  slice(low: number, high: number, bytesMax = Number.POSITIVE_INFINITY): readonly Entry[] {
    const from = low - this.offset;
    const to = high - this.offset;
    if (from < 0 || from > to || to > this.entries.length)
      throw new InvariantError(`unstable entries [${low}, ${high}) are not all there`);
    const end = fittingEnd(this.entries, from, to, bytesMax);
    if (low === this.viewLow && this.view.length === end - from) return this.view;
    this.view = this.entries.slice(from, end);
    this.viewLow = low;
    return this.view;
  }

  private forgetView(): void {
    this.view = noEntries;
    this.viewLow = 0;
  }
}
