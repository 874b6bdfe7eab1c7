import { malformed } from './byte-reader.ts';
import type { TransportError } from './error.ts';

/** Stops and starts who fills a queue. */
export interface Source {
  pause(): void;
  resume(): void;
}

/** The chunks of one snapshot between a connection and the one reader who takes them; bounded by pausing the connection. */
export class ChunkQueue implements AsyncIterable<Uint8Array> {
  readonly #bytesMax: number;
  readonly #source: Source;
  #chunks: Uint8Array[] = [];
  #waitingBytes = 0;
  #allBytes = 0;
  #isPaused = false;
  #isDiscarding = false;
  #end: 'open' | 'finished' | TransportError = 'open';
  #wake: (() => void) | undefined;

  /** Beyond `bytesMax` that wait, the source is paused. */
  constructor(bytesMax: number, source: Source) {
    this.#bytesMax = bytesMax;
    this.#source = source;
  }

  add(chunk: Uint8Array): void {
    if (this.#end !== 'open') throw malformed('has a chunk after the end of its snapshot');
    this.#allBytes += chunk.byteLength;
    if (this.#isDiscarding) return;
    this.#chunks.push(chunk);
    this.#waitingBytes += chunk.byteLength;
    if (this.#waitingBytes > this.#bytesMax && !this.#isPaused) {
      this.#isPaused = true;
      this.#source.pause();
    }
    this.#wake?.();
  }

  /** All has come. Throws Malformed when that were not `bytes` bytes. */
  finish(bytes: number): void {
    if (this.#end !== 'open' || bytes !== this.#allBytes)
      throw malformed(`ends a snapshot of ${bytes} bytes after ${this.#allBytes}`);
    this.#end = 'finished';
    this.#wake?.();
  }

  /** No more will come: the reader gets the error. */
  fail(error: TransportError): void {
    if (this.#end === 'open') this.#end = error;
    this.#wake?.();
  }

  /** Lets go what waits and what is still to come; resolves at the end, rejects when that does not come. */
  async discard(): Promise<void> {
    this.#isDiscarding = true;
    this.#chunks = [];
    this.#goOn(this.#waitingBytes);
    while (this.#end === 'open') await this.#news();
    if (this.#end !== 'finished') throw this.#end;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, void> {
    for (;;) {
      const chunks = this.#chunks;
      this.#chunks = [];
      for (const chunk of chunks) {
        yield chunk;
        this.#goOn(chunk.byteLength);
      }
      if (this.#chunks.length > 0) continue;
      if (this.#end === 'finished') return;
      if (this.#end !== 'open') throw this.#end;
      await this.#news();
    }
  }

  /** So much less waits. */
  #goOn(bytes: number): void {
    this.#waitingBytes -= bytes;
    if (!this.#isPaused || this.#waitingBytes > this.#bytesMax / 2) return;
    this.#isPaused = false;
    this.#source.resume();
  }

  #news(): Promise<void> {
    return new Promise((resolve) => (this.#wake = resolve));
  }
}
