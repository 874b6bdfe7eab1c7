import { assert } from '../../base/index.ts';
import type { BarnEvent, Key, Revision, WatchBatch } from '../barn.ts';

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

/** All events of one revision; batches that hold all of them are made once for all watches. */
export class LogEntry {
  readonly revision: Revision;
  readonly events: readonly BarnEvent[];
  /** The running hash of all events up to here; 0 where nobody keeps one. */
  readonly hash: number;
  readonly bytes: number;
  // Made when somebody asks: most revisions nobody does.
  #full: SizedBatch | undefined;
  #bare: SizedBatch | undefined;

  constructor(revision: Revision, events: readonly BarnEvent[], hash = 0) {
    this.revision = revision;
    this.events = events;
    this.hash = hash;
    this.bytes = bytesOf(events);
  }

  /** The events `interest` asks for, or undefined when there are none. */
  batchFor(interest: Interest): SizedBatch | undefined {
    let count = 0;
    for (const { kv } of this.events) if (covers(interest, kv.key)) count++;
    if (count === 0) return undefined;
    const all = interest.prevValue ? this.#withPrev() : this.#withoutPrev();
    if (count === this.events.length) return all;
    return sized(
      this.revision,
      all.batch.events.filter(({ kv }) => covers(interest, kv.key)),
    );
  }

  #withPrev(): SizedBatch {
    this.#full ??= sized(this.revision, this.events);
    return this.#full;
  }

  #withoutPrev(): SizedBatch {
    this.#bare ??= this.events.some(({ prev }) => prev !== undefined)
      ? sized(
          this.revision,
          this.events.map(({ type, kv }) => ({ type, kv })),
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

/** Whether `key` is one of those the interest names. */
export function covers({ start, end }: Interest, key: Key): boolean {
  return end === undefined ? key === start : key >= start && key < end;
}

function sized(revision: Revision, events: readonly BarnEvent[]): SizedBatch {
  return { batch: { revision, events }, bytes: bytesOf(events) };
}

function bytesOf(events: readonly BarnEvent[]): number {
  let bytes = 0;
  for (const { kv, prev } of events) {
    bytes += eventOverheadBytes + kv.key.length + kv.value.byteLength + (prev?.value.byteLength ?? 0);
  }
  return bytes;
}
