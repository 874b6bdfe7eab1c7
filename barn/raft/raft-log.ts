import { InvariantError } from '../../base/index.ts';
import { entriesBytes } from './entry-size.ts';
import { noEntries } from './message.ts';
import type { Entry, Snapshot, Storage } from './protocol.ts';
import { Unstable } from './unstable.ts';

/** The whole log of a member: what the storage has, and after it what is not stable yet. */
export class RaftLog {
  readonly unstable: Unstable;
  /** The last index known to be in the logs of a quorum. Invariant: applied <= applying <= committed. */
  committed: number;
  /** The last index handed out to be applied. */
  applying: number;
  /** The last index that was applied. */
  applied: number;
  /** What is handed out and not applied yet may take so much; one entry may cross it. Then nothing more is handed out. */
  readonly applyingBytesMax: number;
  private readonly storage: Storage;
  private applyingBytes = 0;
  private isApplyingPaused = false;

  constructor(storage: Storage, applyingBytesMax: number) {
    this.storage = storage;
    this.applyingBytesMax = applyingBytesMax;
    this.unstable = new Unstable(storage.lastIndex() + 1);
    this.committed = storage.firstIndex() - 1;
    this.applying = this.committed;
    this.applied = this.committed;
  }

  firstIndex(): number {
    return this.unstable.firstIndex() ?? this.storage.firstIndex();
  }

  lastIndex(): number {
    return this.unstable.lastIndex() ?? this.storage.lastIndex();
  }

  /** Undefined for an entry that is compacted away or does not exist; the one before the first index still has its term. */
  term(index: number): number | undefined {
    const unstable = this.unstable.term(index);
    if (unstable !== undefined) return unstable;
    if (index + 1 < this.firstIndex() || index > this.lastIndex()) return undefined;
    return this.storage.term(index);
  }

  lastTerm(): number {
    const last = this.lastIndex();
    const term = this.term(last);
    if (term === undefined) throw new InvariantError(`the last entry ${last} has no term`);
    return term;
  }

  hasEntry(term: number, index: number): boolean {
    return this.term(index) === term;
  }

  /** Whether a log that ends so is as good as this one: a later term wins, then the longer log (Raft, 5.4.1). */
  isUpToDate(term: number, index: number): boolean {
    const own = this.lastTerm();
    return term > own || (term === own && index >= this.lastIndex());
  }

  /** Appends what a leader sent after its entry (prevTerm, prevIndex); false when that one is not here (Raft, 5.3). */
  tryAppend(prevTerm: number, prevIndex: number, entries: readonly Entry[], commit: number): boolean {
    if (!this.hasEntry(prevTerm, prevIndex)) return false;
    const from = this.firstNew(entries);
    if (from < entries.length) this.append(entries, from);
    this.commitTo(Math.min(commit, prevIndex + entries.length));
    return true;
  }

  /** Appends entries from position `from` of the array on, replacing what conflicts. Committed ones are never replaced. */
  append(entries: readonly Entry[], from = 0): void {
    const index = entries[from]?.index ?? this.committed + 1;
    if (index <= this.committed)
      throw new InvariantError(`entry ${index} conflicts with a committed one (committed ${this.committed})`);
    this.unstable.truncateAndAppend(entries, from);
  }

  /** The position of the first entry that the log does not have; the length when it has them all. */
  private firstNew(entries: readonly Entry[]): number {
    let at = 0;
    for (const entry of entries) {
      if (!this.hasEntry(entry.term, entry.index)) return at;
      at++;
    }
    return at;
  }

  /**
   * The largest index up to `index` at which this log's term is at most `term`, or unknown: no higher one can agree with a log
   * that has `term` at `index` (Raft, end of 5.3: one probe a term instead of one an entry).
   */
  lastPossibleMatch(index: number, term: number): number {
    let guess = index;
    while (guess > 0 && (this.term(guess) ?? 0) > term) guess--;
    return guess;
  }

  commitTo(index: number): void {
    if (index <= this.committed) return;
    if (index > this.lastIndex())
      throw new InvariantError(`commit ${index} is beyond the log's end ${this.lastIndex()}: the log lost entries`);
    this.committed = index;
  }

  /** Commits up to `index` if the entry there is of `term` (Raft, 5.4.2: only the own term is committed by counting). */
  tryCommit(term: number, index: number): boolean {
    if (index <= this.committed || !this.hasEntry(term, index)) return false;
    this.commitTo(index);
    return true;
  }

  /** The log begins anew after a snapshot. */
  restore(snapshot: Snapshot): void {
    this.committed = snapshot.index;
    this.unstable.restore(snapshot);
  }

  snapshot(): Snapshot {
    return this.unstable.snapshot ?? this.storage.snapshot();
  }

  /** Whether something committed can be handed out; without `allowUnstable` only what the storage surely has. */
  hasNextCommitted(allowUnstable: boolean): boolean {
    // A snapshot to be installed comes before any entry.
    if (this.isApplyingPaused || this.unstable.snapshot !== undefined) return false;
    return this.applying < this.appliableIndex(allowUnstable);
  }

  /** What is to be applied next, within the bound. */
  nextCommitted(allowUnstable: boolean): readonly Entry[] {
    if (!this.hasNextCommitted(allowUnstable)) return noEntries;
    const high = this.appliableIndex(allowUnstable) + 1;
    const entries = this.slice(this.applying + 1, high, this.applyingBytesMax - this.applyingBytes);
    if (entries === undefined)
      throw new InvariantError(`committed entries from ${this.applying + 1} on are compacted before they were applied`);
    return entries;
  }

  private appliableIndex(allowUnstable: boolean): number {
    return allowUnstable ? this.committed : Math.min(this.committed, this.unstable.offset - 1);
  }

  /** Entries up to `index` were handed out to be applied. */
  acceptApplying(index: number, bytes: number, allowUnstable: boolean): void {
    if (index > this.committed) throw new InvariantError(`apply ${index}, which is not committed (${this.committed})`);
    this.applying = index;
    this.applyingBytes += bytes;
    // Cut short also means that the next entry would cross the bound.
    this.isApplyingPaused = this.applyingBytes >= this.applyingBytesMax || index < this.appliableIndex(allowUnstable);
  }

  /** Entries up to `index` were applied. */
  appliedTo(index: number, bytes: number): void {
    if (index > this.committed || index < this.applied)
      throw new InvariantError(`applied ${index} is outside [${this.applied}, ${this.committed}]`);
    this.applied = index;
    this.applying = Math.max(this.applying, index);
    this.applyingBytes = Math.max(0, this.applyingBytes - bytes);
    this.isApplyingPaused = this.applyingBytes >= this.applyingBytesMax;
  }

  /** Entries from `low` to the end that fit `bytesMax`, at least one; undefined when `low` is compacted away. */
  entries(low: number, bytesMax: number): readonly Entry[] | undefined {
    const high = this.lastIndex() + 1;
    return low >= high ? noEntries : this.slice(low, high, bytesMax);
  }

  /** Entries in [low, high) that fit `bytesMax`, at least one; undefined when `low` is compacted away. */
  slice(low: number, high: number, bytesMax: number): readonly Entry[] | undefined {
    const { offset } = this.unstable;
    if (low >= high) return noEntries;
    if (low >= offset) return this.unstable.slice(low, high, bytesMax);
    if (low < this.firstIndex()) return undefined;

    const cut = Math.min(high, offset);
    const stable = this.storage.entries(low, cut, bytesMax);
    if (high <= offset || stable.length < cut - low) return stable;
    const room = bytesMax - entriesBytes(stable);
    if (room <= 0) return stable;
    const rest = this.unstable.slice(offset, high, room);
    return entriesBytes(rest) > room ? stable : [...stable, ...rest];
  }
}
