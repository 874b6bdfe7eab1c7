import type { RunningCounters } from '../counters.ts';
import type { ByteReader } from './byte-reader.ts';

/** What a source reads at once, and the least a window holds. */
export const windowBytes = 256 * 1024;

/**
 * The part of a byte stream that a source looks at: bytes [from, to) of `buffer` are not consumed yet. It grows by doubling
 * when one record does not fit, up to `bytesMax`, and returns to windowBytes when the record is gone.
 */
export class Window {
  readonly #reader: ByteReader;
  readonly #counters: RunningCounters;
  readonly #bytesMax: number;
  #buffer = Buffer.allocUnsafe(windowBytes);
  #from = 0;
  #to = 0;
  #base = 0;
  #ended = false;

  /** `bytesMax`: the longest record plus its separators. Bytes read are counted as the step's input. */
  constructor(reader: ByteReader, counters: RunningCounters, bytesMax: number) {
    this.#reader = reader;
    this.#counters = counters;
    this.#bytesMax = Math.max(bytesMax, windowBytes);
  }

  get buffer(): Buffer {
    return this.#buffer;
  }

  get from(): number {
    return this.#from;
  }

  get to(): number {
    return this.#to;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Whether nothing more fits: the record at `from` is longer than bytesMax. */
  get full(): boolean {
    return this.#to - this.#from >= this.#bytesMax;
  }

  /** The offset in the stream of a position in `buffer`. */
  offsetOf(position: number): number {
    return this.#base + position;
  }

  /** Everything before `position` is consumed. */
  consume(position: number): void {
    this.#from = position;
  }

  /** Reads more; false at the end. Positions change: the first byte not consumed is at 0 then, maybe in another buffer. */
  async fill(): Promise<boolean> {
    if (this.#ended) return false;
    this.#makeRoom();
    const read = await this.#reader.read(this.#buffer, this.#to);
    this.#counters.bytesIn += read;
    this.#to += read;
    if (read === 0) this.#ended = true;
    return read > 0;
  }

  close(): Promise<void> {
    return this.#reader.close();
  }

  #makeRoom(): void {
    const held = this.#to - this.#from;
    let target = this.#buffer;
    if (held === this.#buffer.length)
      target = Buffer.allocUnsafe(Math.min(this.#buffer.length * 2, this.#bytesMax + 1));
    else if (this.#buffer.length > windowBytes && held < windowBytes / 2) target = Buffer.allocUnsafe(windowBytes);
    if (target !== this.#buffer || this.#from > 0) this.#buffer.copy(target, 0, this.#from, this.#to);
    this.#base += this.#from;
    this.#buffer = target;
    this.#from = 0;
    this.#to = held;
  }
}
