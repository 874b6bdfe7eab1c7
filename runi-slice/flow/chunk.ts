import { assert } from '../../base/index.ts';

/** What an output is given at once. */
export const chunkBytes = 256 * 1024;
/** Chunks of one slice that may wait to be written, all outputs together: the bound of every output's queue. */
export const chunksMax = 8;

/** Whole records as NDJSON bytes, shared by all outputs; it returns to its pool when each has released it. */
export class Chunk {
  readonly #onFree: (chunk: Chunk) => void;
  readonly buffer: Buffer;
  length = 0;
  records = 0;
  #holders = 0;

  constructor(size: number, onFree: (chunk: Chunk) => void) {
    this.buffer = Buffer.allocUnsafeSlow(size);
    this.#onFree = onFree;
  }

  get bytes(): Buffer {
    return this.buffer.subarray(0, this.length);
  }

  hold(holders: number): void {
    this.#holders = holders;
    if (holders === 0) this.#onFree(this);
  }

  release(): void {
    assert(this.#holders > 0, 'chunk released more often than held');
    if (--this.#holders === 0) this.#onFree(this);
  }
}

/** A fixed set of chunks. Taking never waits (a batch may overshoot the bound by what it makes). */
export class ChunkPool {
  #free: Chunk[] = [];
  #out = 0;
  #waiting: (() => void) | undefined;

  take(sizeMin: number): Chunk {
    this.#out++;
    const chunk = sizeMin <= chunkBytes ? this.#free.pop() : undefined;
    return chunk ?? new Chunk(Math.max(sizeMin, chunkBytes), (freed) => this.#freed(freed));
  }

  get crowded(): boolean {
    return this.#out >= chunksMax;
  }

  /** Resolves when a chunk has come back, or at `wake`; look again then. */
  changed(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting = resolve;
    });
  }

  /** Wakes whoever waits for room, e.g. because an output failed. */
  wake(): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.();
  }

  #freed(chunk: Chunk): void {
    this.#out--;
    chunk.length = 0;
    chunk.records = 0;
    if (chunk.buffer.length === chunkBytes && this.#free.length < chunksMax) this.#free.push(chunk);
    this.wake();
  }
}
