// Numbers and bytes one after the other.

const chunkBytes = 256 * 1024;
/** Shorter pieces are copied: a buffer more costs a write more than so many bytes do. */
const copyBelowBytes = 64 * 1024;

/** Gathers what is written in few buffers; long pieces are not copied. The first buffer is used again after each `take`. */
export class ByteWriter {
  readonly #first: Buffer;
  #chunk: Buffer;
  #from = 0;
  #at = 0;
  #parts: Uint8Array[] = [];
  #taken = 0;

  constructor(firstBytes = 1024) {
    this.#first = Buffer.allocUnsafeSlow(firstBytes);
    this.#chunk = this.#first;
  }

  /** Bytes since the last `take`. */
  get length(): number {
    return this.#taken + this.#at - this.#from;
  }

  u8(value: number): void {
    this.#reserve(1);
    this.#at = this.#chunk.writeUInt8(value, this.#at);
  }

  u16(value: number): void {
    this.#reserve(2);
    this.#at = this.#chunk.writeUInt16BE(value, this.#at);
  }

  u32(value: number): void {
    this.#reserve(4);
    this.#at = this.#chunk.writeUInt32BE(value, this.#at);
  }

  /** A whole number up to 2^53 - 1. */
  u64(value: number): void {
    this.#reserve(8);
    this.#at = this.#chunk.writeUInt32BE(Math.floor(value / 2 ** 32), this.#at);
    this.#at = this.#chunk.writeUInt32BE(value % 2 ** 32, this.#at);
  }

  /** Long ones are not copied: they must not change until what `take` gave was used. */
  bytes(bytes: Uint8Array): void {
    if (bytes.byteLength >= copyBelowBytes) {
      this.#cut();
      this.#parts.push(bytes);
      this.#taken += bytes.byteLength;
      return;
    }
    this.#reserve(bytes.byteLength);
    this.#chunk.set(bytes, this.#at);
    this.#at += bytes.byteLength;
  }

  /** What was written, in parts that are good until the next use of the writer; begins anew. */
  take(): readonly Uint8Array[] {
    this.#cut();
    const parts = this.#parts;
    this.#parts = [];
    this.#chunk = this.#first;
    this.#from = 0;
    this.#at = 0;
    this.#taken = 0;
    return parts;
  }

  #reserve(length: number): void {
    if (this.#at + length <= this.#chunk.length) return;
    this.#cut();
    this.#chunk = Buffer.allocUnsafeSlow(Math.max(chunkBytes, length));
    this.#from = 0;
    this.#at = 0;
  }

  #cut(): void {
    if (this.#at === this.#from) return;
    this.#parts.push(this.#chunk.subarray(this.#from, this.#at));
    this.#taken += this.#at - this.#from;
    this.#from = this.#at;
  }
}

/** Why bytes could not be read as what they should be. */
export class FormatError extends Error {
  override readonly name = 'FormatError';
  /** Whether another version of this program may be able to. */
  readonly unknownFormat: boolean;

  constructor(message: string, unknownFormat = false) {
    super(message);
    this.unknownFormat = unknownFormat;
  }
}

/** Reads what a ByteWriter wrote; past the end: FormatError. */
export class ByteReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  u8(): number {
    return this.#take(1).readUInt8();
  }

  u16(): number {
    return this.#take(2).readUInt16BE();
  }

  u32(): number {
    return this.#take(4).readUInt32BE();
  }

  u64(): number {
    const bytes = this.#take(8);
    const value = bytes.readUInt32BE(0) * 2 ** 32 + bytes.readUInt32BE(4);
    if (!Number.isSafeInteger(value)) throw new FormatError('a number is larger than any that was written');
    return value;
  }

  /** Shares memory with what is read. */
  bytes(length: number): Buffer {
    return this.#take(length);
  }

  #take(length: number): Buffer {
    if (length > this.left) throw new FormatError('it ends too early');
    const from = this.#at;
    this.#at += length;
    return this.#bytes.subarray(from, this.#at);
  }
}
