import type { WalFile } from './files.ts';

const windowBytes = 1024 * 1024;

/** Reads a file mostly forward: a window at a time, so that a record costs no read of its own. */
export class FileWindow {
  readonly name: string;
  readonly size: number;
  readonly #file: WalFile;
  #bytes: Buffer = Buffer.alloc(0);
  #from = 0;

  constructor(name: string, file: WalFile, size: number) {
    this.name = name;
    this.#file = file;
    this.size = size;
  }

  /** What is there, at most `length` bytes, less only at the end of the file; nobody writes to it later. */
  async read(position: number, length: number): Promise<Buffer> {
    const wanted = Math.max(0, Math.min(length, this.size - position));
    if (wanted === 0) return Buffer.alloc(0);
    if (position < this.#from || position + wanted > this.#from + this.#bytes.length) {
      const read = await this.#file.read(position, Math.min(Math.max(wanted, windowBytes), this.size - position));
      this.#bytes = Buffer.from(read.buffer, read.byteOffset, read.byteLength);
      this.#from = position;
    }
    return this.#bytes.subarray(position - this.#from, position - this.#from + wanted);
  }

  /** Everything from `position` on in pieces, each with where it begins. */
  async *pieces(position: number): AsyncGenerator<readonly [number, Buffer]> {
    for (let at = position; at < this.size; at += windowBytes) {
      const read = await this.#file.read(at, Math.min(windowBytes, this.size - at));
      yield [at, Buffer.from(read.buffer, read.byteOffset, read.byteLength)];
    }
  }
}
