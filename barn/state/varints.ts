import { BarnError } from '../barn.ts';

const limb = 0x80;

/** How many bytes a number from 0 to 2^53 - 1 takes. */
export function varintBytes(number: number): number {
  let bytes = 1;
  for (let left = number; left >= limb; left /= limb) bytes++;
  return bytes;
}

/** Writes numbers, texts and bytes one after the other into a buffer that is large enough. */
export class VarintWriter {
  readonly #into: Buffer;
  at: number;

  constructor(into: Buffer, at: number) {
    this.#into = into;
    this.at = at;
  }

  byte(byte: number): void {
    this.#into[this.at++] = byte;
  }

  number(number: number): void {
    let left = number;
    while (left >= limb) {
      this.#into[this.at++] = (left % limb) | limb;
      left = Math.floor(left / limb);
    }
    this.#into[this.at++] = left;
  }

  /** ASCII only. */
  text(text: string): void {
    this.number(text.length);
    this.at += this.#into.write(text, this.at, 'latin1');
  }

  blob(bytes: Uint8Array): void {
    this.number(bytes.byteLength);
    this.#into.set(bytes, this.at);
    this.at += bytes.byteLength;
  }
}

/** Reads what a VarintWriter wrote. Everything throws Corrupt, naming `what`, where the bytes do not hold it. */
export class VarintReader {
  readonly #bytes: Buffer;
  readonly #what: string;
  #at = 0;

  constructor(bytes: Uint8Array, what: string) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#what = what;
  }

  byte(): number {
    const byte = this.#bytes[this.#at];
    if (byte === undefined) throw this.corrupt('it is cut off');
    this.#at++;
    return byte;
  }

  number(): number {
    let number = 0;
    for (let scale = 1; ; scale *= limb) {
      const byte = this.byte();
      number += (byte % limb) * scale;
      if (number > Number.MAX_SAFE_INTEGER || scale > Number.MAX_SAFE_INTEGER)
        throw this.corrupt('a number is too large');
      if (byte < limb) return number;
    }
  }

  text(): string {
    const start = this.#skip();
    return this.#bytes.toString('latin1', start, this.#at);
  }

  /** Shares memory with what is read. */
  blob(): Uint8Array {
    const start = this.#skip();
    const { buffer, byteOffset } = this.#bytes;
    return new Uint8Array(buffer, byteOffset + start, this.#at - start);
  }

  /** Nothing may be left. */
  end(): void {
    const left = this.#bytes.length - this.#at;
    if (left > 0) throw this.corrupt(`${left} bytes too many follow it`);
  }

  corrupt(why: string): BarnError {
    return new BarnError('Corrupt', `a ${this.#what} cannot be read: ${why}`);
  }

  /** Passes a length and so many bytes; returns where they began. */
  #skip(): number {
    const length = this.number();
    const start = this.#at;
    if (length > this.#bytes.length - start) throw this.corrupt('it is cut off');
    this.#at = start + length;
    return start;
  }
}
