import { assert, present } from '../../base/index.ts';
import { BarnError, type Key, type KeyValue, type RangeOptions, type RangeResult, type Revision } from '../barn.ts';
import { EventLog, LogEntry } from './event-log.ts';
import { hashEvents } from './record.ts';
import { SortedKeys } from './sorted-keys.ts';
import { copyOf, isLive, type LatestView, noBytes } from './transaction.ts';
import {
  type AbsentVersion,
  absentOf,
  areHere,
  isHere,
  type NewEvent,
  nothingAbsent,
  type ValueReader,
  type Version,
  valueBytesOf,
  whole,
  withValue,
} from './version.ts';
import { type KeyHistory, WrittenOrder } from './written-order.ts';

/** A version and its place among the events of its revision. */
export interface PlacedVersion {
  readonly kv: Version;
  readonly index: number;
}

/** Where values go that leave memory. */
export interface ValueRoom {
  /** More bytes of values than this: history leaves memory first, then the newest values that were not written for the longest time. */
  readonly bytesMax: number;
  readonly reader: ValueReader;
}

const boundless: ValueRoom = { bytesMax: Number.POSITIVE_INFINITY, reader: nothingAbsent };

/**
 * The keys of a store with their history, in memory: what both twins answer from. It decides nothing and writes nothing.
 * After compact(R) the versions that were visible at R - 1 or later stay, so that the events of R keep their `prev`.
 */
export class State implements LatestView {
  readonly log = new EventLog();
  readonly reader: ValueReader;
  readonly #valueBytesMax: number;
  readonly #histories = new Map<Key, KeyHistory>();
  readonly #sorted = new SortedKeys<KeyHistory>();
  /** The place of a version among the events of its revision, where it is in memory and not the first: most revisions have but one. */
  readonly #places = new Map<KeyValue, number>();
  readonly #order = new WrittenOrder();
  #compactRevision: Revision = 0;
  #bytes = 0;
  #valueBytes = 0;
  #absentCount = 0;
  #versionsCount = 0;
  /** What the events below this revision superseded has left memory. */
  #leftBelow: Revision = 0;

  constructor({ bytesMax, reader }: ValueRoom = boundless) {
    this.#valueBytesMax = bytesMax;
    this.reader = reader;
  }

  get revision(): Revision {
    return this.log.next - 1;
  }

  get compactRevision(): Revision {
    return this.#compactRevision;
  }

  /** The bytes of all keys and values held, history included, in memory or not. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The bytes of the values in memory. */
  get valueBytes(): number {
    return this.#valueBytes;
  }

  /** Whether all values are in memory. */
  get isWhole(): boolean {
    return this.#absentCount === 0;
  }

  /** How many versions are held, deletions included. */
  get versionsCount(): number {
    return this.#versionsCount;
  }

  /** The running hash of all events up to `revision`. */
  get hash(): number {
    return this.log.hash;
  }

  get(key: Key): Version | undefined {
    const latest = this.#histories.get(key)?.versions.at(-1);
    return latest !== undefined && isLive(latest) ? latest : undefined;
  }

  /** One that had left memory is there again afterwards, as if it was just written: who compares it does so again. */
  valueOf(version: Version): Uint8Array {
    if (isHere(version)) return version.value;
    const kv = this.reader.fillNow(version);
    const history = this.#histories.get(version.key);
    if (history?.versions.at(-1) !== version) return kv.value;
    if (version.index > 0) this.#places.set(kv, version.index);
    this.#replace(history, version, kv);
    this.#valueBytes += kv.value.byteLength;
    this.#absentCount--;
    this.#order.touch(history);
    return kv.value;
  }

  /** Whether this very version can still be asked for. */
  holds({ key, modRevision }: Version): boolean {
    const versions = this.#histories.get(key)?.versions;
    return versions !== undefined && versions[placeOf(versions, modRevision)]?.modRevision === modRevision;
  }

  /** As Barn.range promises; at once when all values are in memory. Errors: as `ValueReader.fill`, too. */
  read(start: Key, end: Key | undefined, options: RangeOptions): RangeResult | Promise<RangeResult> {
    const { items, ...others } = this.#find(start, end, options);
    if (areHere(items)) return { ...others, items };
    return this.reader.fill(items).then((filled) => ({ ...others, items: filled }));
  }

  /** As `read`, of a state that has all values in memory. */
  range(start: Key, end: Key | undefined, options: RangeOptions): RangeResult {
    const { items, ...others } = this.#find(start, end, options);
    return { ...others, items: items.map(whole) };
  }

  /** Takes the events of the next revision in. */
  apply(revision: Revision, events: readonly NewEvent[]): LogEntry {
    const entry = new LogEntry(revision, events, hashEvents(this.log.hash, events));
    this.log.append(entry);
    for (const [index, { kv }] of events.entries()) this.#push(kv, index);
    return entry;
  }

  /**
   * All up to this revision is on disk: what is more than the bound leaves memory, as far as it is there. What was given out
   * stays as it is.
   */
  written(revision: Revision): void {
    this.#leftBelow = Math.max(this.#leftBelow, this.log.first);
    const next = Math.min(revision + 1, this.log.next);
    for (; this.#valueBytes > this.#valueBytesMax && this.#leftBelow < next; this.#leftBelow++) {
      for (const { prev } of this.log.at(this.#leftBelow).events) if (prev !== undefined) this.#leave(prev);
    }
    while (this.#valueBytes > this.#valueBytesMax) {
      const { oldest } = this.#order;
      const latest = oldest?.versions.at(-1);
      if (oldest === undefined || latest === undefined || latest.modRevision > revision) return;
      this.#leave(latest);
      this.#order.leave(oldest);
    }
  }

  /**
   * Forgets what was visible only before `revision`; returns the versions it dropped, those of one key oldest first. What
   * stays without its event gets bytes of its own: a value that lives on must not keep all that it came with.
   * Asking for less than before does nothing. Errors: FutureRevision.
   */
  compact(revision: Revision): readonly PlacedVersion[] {
    if (revision > this.revision) throw this.futureRevision(revision);
    if (revision <= this.#compactRevision) return [];
    this.#compactRevision = revision;
    const dropped: PlacedVersion[] = [];
    for (const { events } of this.log.dropBelow(revision)) {
      for (const { kv } of events) {
        this.#prune(kv.key, revision - 1, dropped);
        if (isHere(kv) && this.#histories.get(kv.key)?.versions[0] === kv) ownValue(kv);
      }
    }
    return dropped;
  }

  /**
   * Starts an empty state as compacted at `revision`, with the running hash up to the one before; then `restoreOld` and
   * `apply` fill it.
   */
  startCompacted(revision: Revision, hashBefore: number): void {
    assert(this.#histories.size === 0, 'only an empty state is filled');
    this.#compactRevision = revision;
    if (revision > 0) this.log.startAt(revision, hashBefore);
  }

  /** Takes in a version from below the compact revision, in order; returns those that nobody can ask for any more. */
  restoreOld({ kv, index }: { readonly kv: KeyValue; readonly index: number }): readonly PlacedVersion[] {
    assert(kv.modRevision < this.#compactRevision, 'only versions below the compact revision come without events');
    const dropped: PlacedVersion[] = [];
    this.#push(kv, index);
    this.#prune(kv.key, this.#compactRevision - 1, dropped);
    return dropped;
  }

  /** What `restoreOld` of another state needs to become like this one, together with the log: a look at every key. */
  oldVersions(): readonly PlacedVersion[] {
    const old: PlacedVersion[] = [];
    this.#sorted.forEach('', '\x7f', ({ versions }) => {
      for (const kv of versions) {
        if (kv.modRevision >= this.#compactRevision) break;
        old.push({ kv, index: this.#placeOf(kv) });
      }
    });
    return old;
  }

  /** The newest version of every key there is, of a state that has all values in memory. */
  liveVersions(): readonly { readonly kv: KeyValue; readonly index: number }[] {
    return this.range('', '\x7f', {}).items.map((kv) => ({ kv, index: this.#placeOf(kv) }));
  }

  compacted(revision: Revision): BarnError {
    return new BarnError(
      'Compacted',
      `revision ${revision} is gone: the history before ${this.#compactRevision} was compacted`,
      { compactRevision: this.#compactRevision },
    );
  }

  futureRevision(revision: Revision): BarnError {
    return new BarnError('FutureRevision', `revision ${revision} is not yet there: the store is at ${this.revision}`);
  }

  #readable(revision: Revision): Revision {
    if (revision === 0) return this.revision;
    if (revision > this.revision) throw this.futureRevision(revision);
    if (revision < this.#compactRevision) throw this.compacted(revision);
    return revision;
  }

  #find(
    start: Key,
    end: Key | undefined,
    options: RangeOptions,
  ): Omit<RangeResult, 'items'> & { readonly items: readonly Version[] } {
    const revision = this.#readable(options.revision ?? 0);
    const limit = options.limit ?? 0;
    const items: Version[] = [];
    let count = 0;
    const visit = (history: KeyHistory): void => {
      const kv = versionAt(history, revision);
      if (kv === undefined || !isLive(kv)) return;
      count++;
      if (limit <= 0 || count <= limit) items.push(options.keysOnly === true ? withValue(kv, noBytes) : kv);
    };
    if (end !== undefined) {
      this.#sorted.forEach(start, end, visit);
    } else {
      const history = this.#histories.get(start);
      if (history !== undefined) visit(history);
    }
    return { revision: this.revision, items, more: count > items.length, count };
  }

  #push(kv: KeyValue, index: number): void {
    this.#bytes += sizeOf(kv);
    this.#valueBytes += kv.value.byteLength;
    this.#versionsCount++;
    if (index > 0) this.#places.set(kv, index);
    let history = this.#histories.get(kv.key);
    if (history !== undefined) {
      history.versions.push(kv);
    } else {
      history = { key: kv.key, versions: [kv], older: undefined, newer: undefined, isListed: false };
      this.#histories.set(kv.key, history);
      this.#sorted.insert(history);
    }
    if (kv.value.byteLength > 0) this.#order.touch(history);
    else this.#order.leave(history);
  }

  /** The value leaves memory. What is empty stays: there is nothing to win. */
  #leave(kv: Version): void {
    const history = this.#histories.get(kv.key);
    if (!isHere(kv) || kv.value.byteLength === 0 || history === undefined) return;
    this.#valueBytes -= kv.value.byteLength;
    this.#absentCount++;
    this.#replace(history, kv, absentOf(kv, this.#placeOf(kv)));
    this.#places.delete(kv);
  }

  /** Everywhere: in the history of its key, in its own event and in that of the version after it. */
  #replace({ versions }: KeyHistory, before: Version, next: AbsentVersion | KeyValue): void {
    const at = placeOf(versions, before.modRevision);
    assert(versions[at] === before, 'a version whose value moves is held');
    versions[at] = next;
    this.log.replace(before.modRevision, before, next);
    const after = versions[at + 1];
    if (after !== undefined) this.log.replace(after.modRevision, before, next);
  }

  #placeOf(kv: Version): number {
    return isHere(kv) ? (this.#places.get(kv) ?? 0) : kv.index;
  }

  /** Drops the versions of a key that nobody at `horizon` or later sees. */
  #prune(key: Key, horizon: Revision, dropped: PlacedVersion[]): void {
    const history = this.#histories.get(key);
    if (history === undefined) return;
    const { versions } = history;
    let seen = -1;
    for (const version of versions) {
      if (version.modRevision > horizon) break;
      seen++;
    }
    // A deletion that is the oldest thing left says no more than an absent key.
    if (seen >= 0 && !isLive(present(versions[seen], 'a version'))) seen++;
    if (seen <= 0) return;
    for (const version of versions.splice(0, seen)) {
      this.#bytes -= sizeOf(version);
      this.#versionsCount--;
      dropped.push({ kv: version, index: this.#placeOf(version) });
      if (!isHere(version)) {
        this.#absentCount--;
        continue;
      }
      this.#valueBytes -= version.value.byteLength;
      this.#places.delete(version);
    }
    if (versions.length > 0) return;
    this.#histories.delete(key);
    this.#sorted.delete(key);
    this.#order.leave(history);
  }
}

/** The place of the version of a revision in a history, if it is there. */
function placeOf(versions: readonly Version[], revision: Revision): number {
  let low = 0;
  let high = versions.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const version = versions[middle];
    if (version !== undefined && version.modRevision < revision) low = middle + 1;
    else high = middle;
  }
  return low;
}

function versionAt({ versions }: KeyHistory, revision: Revision): Version | undefined {
  for (let index = versions.length - 1; index >= 0; index--) {
    const version = versions[index];
    if (version !== undefined && version.modRevision <= revision) return version;
  }
  return undefined;
}

function ownValue(kv: { value: Uint8Array }): void {
  const { value } = kv;
  if (value.buffer.byteLength > value.byteLength) kv.value = copyOf(value);
}

function sizeOf(kv: Version): number {
  return kv.key.length + valueBytesOf(kv);
}
