import { isAscii } from 'node:buffer';

/** Most records in one batch, and in one frame of an edge. */
export const batchRecordsMax = 4096;

/** What may be known of a record: that it is JSON, that it is valid under the contract its reader checks. */
export const recordMark = { unread: 0, json: 1, valid: 2 } as const;

/** Where the records of a batch came from; dead letters name it. */
export interface Origin {
  /** The input's name in the pipeline. */
  readonly name: string;
  /** A URI as the user wrote it, or `edge:NAME`. */
  readonly source: string;
}

/**
 * Some records as byte ranges of one buffer, in order. A source owns its batch and fills it anew for each `next()`: what
 * outlives that must be copied. Bytes of a record never hold a line break.
 */
export class Batch {
  readonly origin: Origin;
  buffer: Buffer = Buffer.alloc(0);
  count = 0;
  readonly starts = new Int32Array(batchRecordsMax);
  readonly ends = new Int32Array(batchRecordsMax);
  /** Byte offset of each record in its source; the record's number for csv. */
  readonly offsets = new Float64Array(batchRecordsMax);
  /** What is known of each record: see recordMark. */
  readonly marks = new Uint8Array(batchRecordsMax);
  readonly #values: unknown[] = [];
  readonly #parsed = new Uint8Array(batchRecordsMax);
  #encoding: 'latin1' | 'utf8' | undefined;

  constructor(origin: Origin) {
    this.origin = origin;
  }

  /** Empties the batch; its records will lie in `buffer`. */
  reset(buffer: Buffer): void {
    this.buffer = buffer;
    this.count = 0;
    this.#encoding = undefined;
    this.#parsed.fill(0);
    this.marks.fill(0);
  }

  get full(): boolean {
    return this.count === batchRecordsMax;
  }

  add(start: number, end: number, offset: number): void {
    const at = this.count++;
    this.starts[at] = start;
    this.ends[at] = end;
    this.offsets[at] = offset;
  }

  /** Sets what is known of the record added last. */
  mark(known: number): void {
    this.marks[this.count - 1] = known;
  }

  /** Adds a record whose value is known already. */
  addValue(start: number, end: number, offset: number, value: unknown): void {
    this.#values[this.count] = value;
    this.#parsed[this.count] = 1;
    this.add(start, end, offset);
  }

  start(index: number): number {
    return this.starts[index] ?? 0;
  }

  end(index: number): number {
    return this.ends[index] ?? 0;
  }

  offset(index: number): number {
    return this.offsets[index] ?? 0;
  }

  /** The text of a record, as it came. */
  text(index: number): string {
    this.#encoding ??= this.#commonEncoding();
    return this.buffer.toString(this.#encoding, this.starts[index], this.ends[index]);
  }

  /** The record as JSON.parse gives it (of equal names in one object the last wins); parsed once, shared by all who ask. */
  value(index: number): unknown {
    if (this.#parsed[index] === 1) return this.#values[index];
    const value: unknown = JSON.parse(this.text(index));
    this.#values[index] = value;
    this.#parsed[index] = 1;
    return value;
  }

  /** Removes the records for which `keep` is false; the others keep their bytes, offsets and values. */
  retain(keep: (index: number) => boolean): void {
    let kept = 0;
    for (let index = 0; index < this.count; index++) {
      if (!keep(index)) continue;
      if (kept !== index) this.#move(index, kept);
      kept++;
    }
    this.count = kept;
  }

  #move(from: number, to: number): void {
    this.starts[to] = this.start(from);
    this.ends[to] = this.end(from);
    this.offsets[to] = this.offset(from);
    this.marks[to] = this.marks[from] ?? 0;
    this.#parsed[to] = this.#parsed[from] ?? 0;
    if (this.#parsed[to] === 1) this.#values[to] = this.#values[from];
  }

  #commonEncoding(): 'latin1' | 'utf8' {
    if (this.count === 0) return 'utf8';
    return isAscii(this.buffer.subarray(this.starts[0], this.ends[this.count - 1])) ? 'latin1' : 'utf8';
  }
}

/** Something that gives records in batches. */
export interface Source {
  /** The next batch (never empty), valid until the next call; undefined at the end. */
  next(): Promise<Batch | undefined>;
  close(): Promise<void>;
}
