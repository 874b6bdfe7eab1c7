import { assert } from '../../base/index.ts';
import type { BarnEvent, Key, Revision, WatchBatch } from '../barn.ts';
import {
  eventsAreHere,
  isHere,
  type StoredEvent,
  type ValueReader,
  type Version,
  valueBytesOf,
  whole,
} from './version.ts';

/** Which keys, and whether with what was there before: watches that agree on it share their batches. */
export interface Interest {
  readonly start: Key;
  readonly end: Key | undefined;
  readonly prevValue: boolean;
}

/** A batch and what it counts towards a reader's buffer. */
export interface SizedBatch {
  readonly batch: WatchBatch;
  readonly bytes: number;
}

/** What an event costs beside its bytes, roughly, in memory. */
const eventOverheadBytes = 256;

/**
 * All events of one revision; batches that hold all of them are made once for all watches. Never changed: when values leave
 * memory, another one takes its place in the log.
 */
export class LogEntry {
  readonly revision: Revision;
  readonly events: readonly StoredEvent[];
  /** The running hash of all events up to here; 0 where nobody keeps one. */
  readonly hash: number;
  readonly bytes: number;
  // Made when somebody asks: most revisions nobody does.
  #full: SizedBatch | undefined;
  #bare: SizedBatch | undefined;

  constructor(revision: Revision, events: readonly StoredEvent[], hash = 0) {
    this.revision = revision;
    this.events = events;
    this.hash = hash;
    this.bytes = bytesOf(events);
  }

  /** Whether a value that such a batch has is not in memory. */
  lacks({ prevValue }: Pick<Interest, 'prevValue'>): boolean {
    for (const { kv, prev } of this.events)
      if (!isHere(kv) || (prevValue && prev !== undefined && !isHere(prev))) return true;
    return false;
  }

  /** How many of its events `interest` asks for. */
  countFor(interest: Interest): number {
    let count = 0;
    for (const { kv } of this.events) if (covers(interest, kv.key)) count++;
    return count;
  }

  /** The events `interest` asks for, or undefined when there are none. It must lack no value that is in them. */
  batchFor(interest: Interest): SizedBatch | undefined {
    const count = this.countFor(interest);
    if (count === 0) return undefined;
    const all = interest.prevValue ? this.#withPrev() : this.#withoutPrev();
    if (count === this.events.length) return all;
    return sized(
      this.revision,
      all.batch.events.filter(({ kv }) => covers(interest, kv.key)),
    );
  }

  #withPrev(): SizedBatch {
    if (this.#full !== undefined) return this.#full;
    const { revision, events } = this;
    assert(eventsAreHere(events), 'the values of a batch are read before it is made');
    this.#full = sized(revision, events);
    return this.#full;
  }

  #withoutPrev(): SizedBatch {
    this.#bare ??= this.events.some(({ prev }) => prev !== undefined)
      ? sized(
          this.revision,
          this.events.map(({ type, kv }) => ({ type, kv: whole(kv) })),
        )
      : this.#withPrev();
    return this.#bare;
  }
}

/** The history of events, one entry a revision, without gaps, from `first` on. */
export class EventLog {
  #entries: LogEntry[] = [];
  #first: Revision = 1;
  #hashBefore = 0;
  #bytes = 0;

  /** The oldest revision still here, or, when empty, the next to come. */
  get first(): Revision {
    return this.#first;
  }

  /** The next revision to come. */
  get next(): Revision {
    return this.#first + this.#entries.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The running hash up to the revision before the first. */
  get hashBefore(): number {
    return this.#hashBefore;
  }

  /** The running hash up to the newest revision. */
  get hash(): number {
    return this.#entries.at(-1)?.hash ?? this.#hashBefore;
  }

  append(entry: LogEntry): void {
    assert(entry.revision === this.next, `revision ${entry.revision} follows ${this.next - 1}`);
    this.#entries.push(entry);
    this.#bytes += entry.bytes;
  }

  /** Starts an empty log at `revision`, with the running hash up to the one before. */
  startAt(revision: Revision, hashBefore: number): void {
    assert(this.#entries.length === 0, 'a log that has entries starts where they start');
    this.#first = revision;
    this.#hashBefore = hashBefore;
  }

  /** All there are, as they are now. */
  entries(): readonly LogEntry[] {
    return [...this.#entries];
  }

  /** Goes on with `next` in the place of a version, which is the same but for where its value is; nothing happens when it is gone. */
  replace(revision: Revision, before: Version, next: Version): void {
    const at = revision - this.#first;
    const entry = this.#entries[at];
    if (entry === undefined) return;
    const events = entry.events.map((event) => {
      if (event.kv === before) return { ...event, kv: next };
      return event.prev === before ? { ...event, prev: next } : event;
    });
    this.#entries[at] = new LogEntry(revision, events, entry.hash);
  }

  at(revision: Revision): LogEntry {
    const entry = this.#entries[revision - this.#first];
    assert(entry !== undefined, 'only revisions that the log holds are asked for');
    return entry;
  }

  /** Takes all entries below `revision` out, oldest first. */
  dropBelow(revision: Revision): readonly LogEntry[] {
    const dropped = this.#entries.splice(0, Math.max(0, revision - this.#first));
    for (const entry of dropped) this.#bytes -= entry.bytes;
    this.#hashBefore = dropped.at(-1)?.hash ?? this.#hashBefore;
    this.#first += dropped.length;
    return dropped;
  }

  /** The lowest revision from which on at most `bytesMax` are held; never above the newest entry. */
  firstWithin(bytesMax: number): Revision {
    let revision = this.#first;
    for (let bytes = this.#bytes; bytes > bytesMax && revision < this.next - 1; revision++) {
      bytes -= this.at(revision).bytes;
    }
    return revision;
  }
}

/** The same entries with their values: also of what was there before, where that is asked for. Errors: as `ValueReader.fill`. */
export async function filledEntries(
  entries: readonly LogEntry[],
  { prevValue }: Pick<Interest, 'prevValue'>,
  reader: ValueReader,
): Promise<readonly LogEntry[]> {
  const wanted = entries.flatMap(({ events }) =>
    events.flatMap(({ kv, prev }) => (prevValue && prev !== undefined ? [kv, prev] : [kv])),
  );
  const values = (await reader.fill(wanted)).values();
  const next = (version: Version): Version => values.next().value ?? version;
  return entries.map(({ revision, events, hash }) => {
    const filled = events.map(({ type, kv, prev }) => {
      if (prev === undefined) return { type, kv: next(kv) };
      const own = next(kv);
      return { type, kv: own, prev: prevValue ? next(prev) : prev };
    });
    return new LogEntry(revision, filled, hash);
  });
}

/** Whether `key` is one of those the interest names. */
export function covers({ start, end }: Interest, key: Key): boolean {
  return end === undefined ? key === start : key >= start && key < end;
}

function sized(revision: Revision, events: readonly BarnEvent[]): SizedBatch {
  return { batch: { revision, events }, bytes: bytesOf(events) };
}

function bytesOf(events: readonly StoredEvent[]): number {
  let bytes = 0;
  for (const { kv, prev } of events) {
    bytes += eventOverheadBytes + kv.key.length + valueBytesOf(kv) + (prev === undefined ? 0 : valueBytesOf(prev));
  }
  return bytes;
}
