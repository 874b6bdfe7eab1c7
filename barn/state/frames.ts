// How a saved or sent snapshot is cut: a line that says what it is and in which format, then frames of length u32 and bytes.
import { BarnError } from '../barn.ts';

/** What the first line of a stream says. */
export interface Magic {
  readonly family: string;
  readonly format: number;
}

/** The bytes of a frame's length. */
export const lengthBytes = 4;
/** No frame is longer, whatever a damaged length says. */
const frameBytesMax = 64 * 1024 * 1024;

/** The first line. */
export function magicBytes({ family, format }: Magic): Buffer {
  return Buffer.from(`${family}${format}\n`);
}

/** A frame, as its length and its bytes. */
export function frame(body: Uint8Array): [Uint8Array, Uint8Array] {
  const length = Buffer.allocUnsafe(lengthBytes);
  length.writeUInt32BE(body.byteLength);
  return [length, body];
}

/** The error for a snapshot that is not whole. */
export function unreadable(why: string): BarnError {
  return new BarnError('Corrupt', `the snapshot cannot be read: ${why}`);
}

/** Cuts chunks into frames. `passed` is told all bytes that were read, in order, before new ones are added. */
export class FrameSplitter {
  readonly #magic: Magic;
  readonly #passed: (bytes: Uint8Array) => void;
  #bytes = Buffer.alloc(0);
  #at = 0;
  #told = 0;
  #begun = false;

  constructor(magic: Magic, passed: (bytes: Uint8Array) => void = () => {}) {
    this.#magic = magic;
    this.#passed = passed;
  }

  /** Bytes that make no frame yet. */
  get left(): number {
    return this.#bytes.length - this.#at;
  }

  add(chunk: Uint8Array): void {
    this.#tell(this.#at);
    this.#bytes = Buffer.concat([this.#bytes.subarray(this.#at), chunk]);
    this.#at = 0;
    this.#told = 0;
  }

  /** The next whole frame; shares memory with the chunks. Errors: Corrupt, also for a format that is not known here. */
  next(): Buffer | undefined {
    if (!this.#begun && !this.#begin()) return undefined;
    if (this.left < lengthBytes) return undefined;
    const length = this.#bytes.readUInt32BE(this.#at);
    if (length > frameBytesMax) throw unreadable(`it has a record of ${length} bytes`);
    if (this.left < lengthBytes + length) return undefined;
    const start = this.#at + lengthBytes;
    this.#at = start + length;
    return this.#bytes.subarray(start, this.#at);
  }

  /** Tells all that was read before the frame that `next` gave last. */
  passUpTo(last: Buffer): void {
    this.#tell(this.#at - last.length - lengthBytes);
  }

  #tell(end: number): void {
    if (end > this.#told) this.#passed(this.#bytes.subarray(this.#told, end));
    this.#told = end;
  }

  #begin(): boolean {
    const { family, format } = this.#magic;
    const wanted = magicBytes(this.#magic);
    if (this.left < wanted.length) return false;
    const line = this.#bytes.subarray(0, wanted.length);
    if (!line.equals(wanted)) {
      const other = new RegExp(`^${family}(\\d+)`).exec(line.toString('latin1'))?.[1];
      // A damaged byte may say so too.
      if (other !== undefined)
        throw unreadable(`it says that it has format ${other}, and this version of Runink reads format ${format}`);
      throw unreadable('it does not begin as one');
    }
    this.#at = wanted.length;
    this.#begun = true;
    return true;
  }
}
