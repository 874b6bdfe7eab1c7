import { assert } from '../../base/index.ts';
import { noSnapshot } from './empty.ts';
import { fittingEnd } from './entry-size.ts';
import { noEntries } from './message.ts';
import { type ConfState, type Entry, type HardState, RaftError, type Snapshot, type Storage } from './protocol.ts';

/**
 * The stable log in memory: what the write-ahead log holds, as the core reads it. It keeps the entries that it is given and
 * never changes an array that it handed out. What is compacted away is gone; `snapshot` may lie behind that.
 */
export class MemoryStorage implements Storage {
  private hardState: HardState = { term: 0, vote: 0, commit: 0 };
  private newest: Snapshot = noSnapshot;
  /** The entry before the first one: its term is still known. */
  private startIndex = 0;
  private startTerm = 0;
  private log: Entry[] = [];

  initialState(): { readonly hardState: HardState; readonly confState: ConfState } {
    return { hardState: this.hardState, confState: this.newest.confState };
  }

  setHardState(hardState: HardState): void {
    this.hardState = hardState;
  }

  firstIndex(): number {
    return this.startIndex + 1;
  }

  lastIndex(): number {
    return this.startIndex + this.log.length;
  }

  term(index: number): number {
    if (index === this.startIndex) return this.startTerm;
    if (index < this.startIndex) throw compacted('the term of', index, this.startIndex);
    const entry = this.log[index - this.startIndex - 1];
    if (entry === undefined) throw new RaftError('Unavailable', `read the term of entry ${index}: it is not there`);
    return entry.term;
  }

  entries(low: number, high: number, bytesMax: number): readonly Entry[] {
    if (low <= this.startIndex) throw compacted('entries from', low, this.startIndex);
    if (high > this.lastIndex() + 1)
      throw new RaftError('Unavailable', `read entries [${low}, ${high}): the log ends at ${this.lastIndex()}`);
    if (low >= high) return noEntries;
    const from = low - this.startIndex - 1;
    return this.log.slice(from, fittingEnd(this.log, from, high - this.startIndex - 1, bytesMax));
  }

  snapshot(): Snapshot {
    return this.newest;
  }

  /** Adds consecutive entries; those from the first one's index on are replaced, those that are compacted are left out. */
  append(entries: readonly Entry[]): void {
    const firstGiven = entries[0]?.index;
    if (firstGiven === undefined) return;
    const skip = Math.max(0, this.firstIndex() - firstGiven);
    if (skip >= entries.length) return;
    const at = firstGiven + skip - this.firstIndex();
    assert(at <= this.log.length, `append at ${firstGiven}: the log ends at ${this.lastIndex()}`);
    if (at < this.log.length) this.log.length = at;
    for (let i = skip; i < entries.length; i++) {
      const entry = entries[i];
      if (entry !== undefined) this.log.push(entry);
    }
  }

  /** Forgets the entries up to `index`. Errors: Compacted when they are gone already. */
  compact(index: number): void {
    if (index <= this.startIndex) throw compacted('entries up to', index, this.startIndex);
    assert(index <= this.lastIndex(), `compact up to ${index}: the log ends at ${this.lastIndex()}`);
    this.startTerm = this.term(index);
    this.log = this.log.slice(index - this.startIndex);
    this.startIndex = index;
  }

  /** Remembers a snapshot of the state as of `index`, which must be in the log. Errors: SnapshotOutOfDate. */
  createSnapshot(index: number, confState?: ConfState, data?: Uint8Array): Snapshot {
    if (index <= this.newest.index)
      throw new RaftError('SnapshotOutOfDate', `make a snapshot at ${index}: there is one at ${this.newest.index}`);
    this.newest = { index, term: this.term(index), confState: confState ?? this.newest.confState, data };
    return this.newest;
  }

  /** Begins the log anew after a snapshot. Errors: SnapshotOutOfDate. */
  applySnapshot(snapshot: Snapshot): void {
    if (this.newest.index !== 0 && snapshot.index <= this.newest.index)
      throw new RaftError(
        'SnapshotOutOfDate',
        `apply snapshot ${snapshot.index}: there is one at ${this.newest.index}`,
      );
    this.newest = snapshot;
    this.startIndex = snapshot.index;
    this.startTerm = snapshot.term;
    this.log = [];
  }
}

function compacted(what: string, index: number, start: number): RaftError {
  return new RaftError('Compacted', `read ${what} ${index}: the log begins after ${start}`);
}
