import { assert, present } from '../../base/index.ts';
import {
  BarnError,
  type BarnEvent,
  type Key,
  type KeyValue,
  type RangeOptions,
  type RangeResult,
  type Revision,
} from '../barn.ts';
import { EventLog, LogEntry } from './event-log.ts';
import { hashEvents } from './record.ts';
import { SortedKeys } from './sorted-keys.ts';
import { copyOf, isLive, type LatestView, noBytes } from './transaction.ts';

/** Every version of a key that can still be asked for, oldest first; never empty. A deletion is a version too. */
interface KeyHistory {
  readonly key: Key;
  readonly versions: KeyValue[];
}

/** A version and its place among the events of its revision. */
export interface PlacedVersion {
  readonly kv: KeyValue;
  readonly index: number;
}

/**
 * The keys of a store with their history, in memory: what both twins answer from. It decides nothing and does no I/O.
 * After compact(R) the versions that were visible at R - 1 or later stay, so that the events of R keep their `prev`.
 */
export class State implements LatestView {
  readonly log = new EventLog();
  readonly #histories = new Map<Key, KeyHistory>();
  readonly #sorted = new SortedKeys<KeyHistory>();
  /** The place of a version among the events of its revision, where it is not the first: most revisions have but one. */
  readonly #places = new Map<KeyValue, number>();
  #compactRevision: Revision = 0;
  #bytes = 0;
  #versionsCount = 0;

  get revision(): Revision {
    return this.log.next - 1;
  }

  get compactRevision(): Revision {
    return this.#compactRevision;
  }

  /** The bytes of all keys and values held, history included. */
  get bytes(): number {
    return this.#bytes;
  }

  /** How many versions are held, deletions included. */
  get versionsCount(): number {
    return this.#versionsCount;
  }

  /** The running hash of all events up to `revision`. */
  get hash(): number {
    return this.log.hash;
  }

  get(key: Key): KeyValue | undefined {
    const latest = this.#histories.get(key)?.versions.at(-1);
    return latest !== undefined && isLive(latest) ? latest : undefined;
  }

  /** Whether this very version can still be asked for. */
  holds(kv: KeyValue): boolean {
    return this.#histories.get(kv.key)?.versions.includes(kv) ?? false;
  }

  /** As Barn.range promises. */
  range(start: Key, end: Key | undefined, options: RangeOptions): RangeResult {
    const revision = this.#readable(options.revision ?? 0);
    const limit = options.limit ?? 0;
    const items: KeyValue[] = [];
    let count = 0;
    const visit = (history: KeyHistory): void => {
      const kv = versionAt(history, revision);
      if (kv === undefined || !isLive(kv)) return;
      count++;
      if (limit <= 0 || count <= limit) items.push(options.keysOnly === true ? { ...kv, value: noBytes } : kv);
    };
    if (end !== undefined) {
      this.#sorted.forEach(start, end, visit);
    } else {
      const history = this.#histories.get(start);
      if (history !== undefined) visit(history);
    }
    return { revision: this.revision, items, more: count > items.length, count };
  }

  /** Takes the events of the next revision in. */
  apply(revision: Revision, events: readonly BarnEvent[]): LogEntry {
    const entry = new LogEntry(revision, events, hashEvents(this.log.hash, events));
    this.log.append(entry);
    for (const [index, { kv }] of events.entries()) this.#push(kv, index);
    return entry;
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
        if (this.#histories.get(kv.key)?.versions[0] === kv) ownValue(kv);
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
  restoreOld({ kv, index }: PlacedVersion): readonly PlacedVersion[] {
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

  /** The newest version of every key there is. */
  liveVersions(): readonly PlacedVersion[] {
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

  #push(kv: KeyValue, index: number): void {
    this.#bytes += sizeOf(kv);
    this.#versionsCount++;
    if (index > 0) this.#places.set(kv, index);
    const history = this.#histories.get(kv.key);
    if (history !== undefined) {
      history.versions.push(kv);
      return;
    }
    const created: KeyHistory = { key: kv.key, versions: [kv] };
    this.#histories.set(kv.key, created);
    this.#sorted.insert(created);
  }

  #placeOf(kv: KeyValue): number {
    return this.#places.get(kv) ?? 0;
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
      this.#places.delete(version);
    }
    if (versions.length > 0) return;
    this.#histories.delete(key);
    this.#sorted.delete(key);
  }
}

function versionAt({ versions }: KeyHistory, revision: Revision): KeyValue | undefined {
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

function sizeOf(kv: KeyValue): number {
  return kv.key.length + kv.value.byteLength;
}
