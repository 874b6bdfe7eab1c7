// A stream of chunks over the port: who reads says how many chunks may come, so that neither side holds more than a window.
import type { StreamFrame } from './port.ts';

/** Chunks under way in one stream; a chunk is at most 256 KiB. Who makes more waits for credit. */
const chunkWindow = 8;

type Send = (frame: StreamFrame, transfer?: readonly ArrayBuffer[]) => void;

/** The end where chunks go in. */
export class ChunkOutlet {
  readonly #stream: number;
  readonly #send: Send;
  #credit = chunkWindow;
  #broken: Error | undefined;
  #wake: (() => void) | undefined;

  constructor(stream: number, send: Send) {
    this.#stream = stream;
    this.#send = send;
  }

  /** Sends all of `chunks`, then the end; resolves when the last one is handed over. A failure of either end breaks both. */
  async pump(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    try {
      for await (const chunk of chunks) {
        while (this.#credit === 0 && this.#broken === undefined) await new Promise<void>((wake) => (this.#wake = wake));
        if (this.#broken !== undefined) throw this.#broken;
        this.#credit--;
        // A copy of its own memory, since it is handed over.
        const copy = new Uint8Array(chunk);
        this.#send({ stream: this.#stream, kind: 'chunk', chunk: copy }, [copy.buffer]);
      }
    } catch (error) {
      if (this.#broken === undefined) this.#send({ stream: this.#stream, kind: 'broken', message: messageOf(error) });
      throw error;
    }
    this.#send({ stream: this.#stream, kind: 'end' });
  }

  credit(count: number): void {
    this.#credit += count;
    this.#wake?.();
  }

  /** The reader has gone. */
  break(message: string): void {
    this.#broken ??= new Error(message);
    this.#wake?.();
  }
}

/** The end where chunks come out, read once. */
export class ChunkInlet implements AsyncIterableIterator<Uint8Array> {
  readonly #stream: number;
  readonly #send: Send;
  #chunks: Uint8Array[] = [];
  #end: { readonly error: Error | undefined } | undefined;
  #wake: (() => void) | undefined;

  constructor(stream: number, send: Send) {
    this.#stream = stream;
    this.#send = send;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  push(chunk: Uint8Array): void {
    if (this.#end === undefined) this.#chunks.push(chunk);
    this.#wake?.();
  }

  end(): void {
    this.#end ??= { error: undefined };
    this.#wake?.();
  }

  /** The writer has gone: who reads gets the error after what came before. */
  break(message: string): void {
    this.#end ??= { error: new Error(message) };
    this.#wake?.();
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    for (;;) {
      const chunk = this.#chunks.shift();
      if (chunk !== undefined) {
        this.#send({ stream: this.#stream, kind: 'credit', count: 1 });
        return { done: false, value: chunk };
      }
      if (this.#end?.error !== undefined) throw this.#end.error;
      if (this.#end !== undefined) return { done: true, value: undefined };
      await new Promise<void>((wake) => (this.#wake = wake));
    }
  }

  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    if (this.#end === undefined) {
      this.#end = { error: undefined };
      this.#chunks = [];
      this.#send({ stream: this.#stream, kind: 'broken', message: 'the reader stopped' });
    }
    return { done: true, value: undefined };
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
