import type { RunningCounters } from '../counters.ts';
import type { SliceError } from '../slice-error.ts';
import { type Batch, batchRecordsMax } from './batch.ts';
import type { Chunk } from './chunk.ts';
import { ChunkPool } from './chunk.ts';

/** One place where records go. */
export interface Output {
  /** Takes over one hold of the chunk and releases it when the bytes are written; never waits. */
  write(chunk: Chunk): void;
  /** Writes all, tells the other end that this is all, and makes files durable. */
  finish(): Promise<void>;
  /** Gives up: tells the other end why, when it can, and closes. Never throws. */
  abort(message: string): Promise<void>;
  /** Calls back when writing failed; set by the emitter. */
  onFailure?: (error: SliceError) => void;
}

/** Collects what a step gives into chunks and gives every chunk to every output. */
export class Emitter {
  readonly #outputs: readonly Output[];
  readonly #counters: RunningCounters;
  readonly #pool = new ChunkPool();
  #chunk: Chunk | undefined;
  #failure: SliceError | undefined;

  constructor(outputs: readonly Output[], counters: RunningCounters) {
    this.#outputs = outputs;
    this.#counters = counters;
    for (const output of outputs)
      output.onFailure = (error) => {
        this.#failure ??= error;
        this.#pool.wake();
      };
  }

  /** Every record of the batch, as its bytes came. Neighbours in the source are copied at once. */
  batch(batch: Batch): void {
    let from = 0;
    while (from < batch.count) {
      const start = batch.start(from);
      let to = from + 1;
      while (to < batch.count && batch.start(to) === batch.end(to - 1) + 1 && batch.buffer[batch.end(to - 1)] === 0x0a)
        to++;
      this.#bytes(batch.buffer, start, batch.end(to - 1), to - from);
      from = to;
    }
  }

  /** One record of a batch, as its bytes came. */
  record(batch: Batch, index: number): void {
    this.#bytes(batch.buffer, batch.start(index), batch.end(index), 1);
  }

  /** One new record: JSON without line breaks. */
  text(json: string): void {
    const chunk = this.#room(utf8BytesMax(json) + 1, 1);
    chunk.length += chunk.buffer.write(json, chunk.length);
    chunk.buffer[chunk.length++] = 0x0a;
    chunk.records++;
    this.#counters.recordsOut++;
  }

  /** The bytes of a record without its closing brace, then `json` (which begins with a comma), then the brace. */
  extended(batch: Batch, index: number, json: string): void {
    const start = batch.start(index);
    const kept = lastBrace(batch.buffer, batch.end(index)) - start;
    const chunk = this.#room(kept + utf8BytesMax(json) + 2, 1);
    batch.buffer.copy(chunk.buffer, chunk.length, start, start + kept);
    chunk.length += kept;
    chunk.length += chunk.buffer.write(json, chunk.length);
    chunk.buffer[chunk.length++] = 0x7d;
    chunk.buffer[chunk.length++] = 0x0a;
    chunk.records++;
    this.#counters.recordsOut++;
  }

  /** Bytes that are no records of ours (text), with the number of lines in them. */
  raw(buffer: Buffer, start: number, end: number, lines: number): void {
    const chunk = this.#room(end - start, lines);
    buffer.copy(chunk.buffer, chunk.length, start, end);
    chunk.length += end - start;
    chunk.records += lines;
    this.#counters.recordsOut += lines;
  }

  /** Whether a step should `await room()` before it gives more. */
  get crowded(): boolean {
    return this.#pool.crowded;
  }

  /** Sends what was collected and waits until the queues have room; throws when an output failed. */
  async room(): Promise<void> {
    this.flush();
    this.#check();
    while (this.#pool.crowded) {
      await this.#pool.changed();
      this.#check();
    }
  }

  /** Sends what was collected. */
  flush(): void {
    const chunk = this.#chunk;
    if (chunk === undefined) return;
    this.#chunk = undefined;
    chunk.hold(this.#outputs.length);
    for (const output of this.#outputs) output.write(chunk);
  }

  /** Everything is written, durable and told to the other ends. */
  async finish(): Promise<void> {
    this.flush();
    await Promise.all(this.#outputs.map((output) => output.finish()));
    this.#check();
  }

  async abort(message: string): Promise<void> {
    await Promise.all(this.#outputs.map((output) => output.abort(message)));
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  #bytes(buffer: Buffer, start: number, end: number, records: number): void {
    const chunk = this.#room(end - start + 1, records);
    buffer.copy(chunk.buffer, chunk.length, start, end);
    chunk.length += end - start;
    chunk.buffer[chunk.length++] = 0x0a;
    chunk.records += records;
    this.#counters.recordsOut += records;
  }

  #room(bytes: number, records: number): Chunk {
    let chunk = this.#chunk;
    if (
      chunk !== undefined &&
      (chunk.length + bytes > chunk.buffer.length || chunk.records + records > batchRecordsMax)
    ) {
      this.flush();
      chunk = undefined;
    }
    chunk ??= this.#pool.take(bytes);
    this.#chunk = chunk;
    return chunk;
  }
}

function lastBrace(buffer: Buffer, end: number): number {
  let at = end - 1;
  while (buffer[at] !== 0x7d) at--;
  return at;
}

/** A bound of the text's bytes that is cheap for short ones. */
function utf8BytesMax(text: string): number {
  return text.length < 4096 ? text.length * 3 : Buffer.byteLength(text);
}
