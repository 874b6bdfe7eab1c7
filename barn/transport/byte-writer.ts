import { assert } from '../../base/index.ts';

const blockBytes = 16 * 1024;
/** A number takes at most so many bytes: 53 bits by sevens. */
export const numberBytesMax = 8;

/** Where a prefix goes whose value is known only when what follows it is written. */
export interface Gap {
  readonly block: Uint8Array;
  readonly offset: number;
  /** `written` when the gap was left. */
  readonly before: number;
}

/**
 * Writes into small blocks of its own, and passes long byte strings on as they are: they are never copied, so nobody may
 * change them until the parts have been sent. Short ones are copied, which costs less than a part of their own.
 */
export class ByteWriter {
  readonly #copiedBytesMax: number;
  #block = new Uint8Array(0);
  #start = 0;
  #at = 0;
  #parts: Uint8Array[] = [];
  #partsBytes = 0;

  /** Byte strings up to `copiedBytesMax` are copied. */
  constructor(copiedBytesMax = 0) {
    this.#copiedBytesMax = copiedBytesMax;
  }

  /** Bytes since the last `take`. */
  get written(): number {
    return this.#partsBytes + this.#at - this.#start;
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#block[this.#at++] = value;
  }

  /** A whole number from 0 to 2^53 - 1, least significant seven bits first. */
  number(value: number): void {
    assert(Number.isSafeInteger(value) && value >= 0, `${value} cannot be written as a whole number`);
    this.#reserve(numberBytesMax);
    let rest = value;
    while (rest >= 0x8000_0000) {
      this.#block[this.#at++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    while (rest >= 0x80) {
      this.#block[this.#at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#block[this.#at++] = rest;
  }

  /** The length, then the bytes. */
  bytes(value: Uint8Array): void {
    this.number(value.byteLength);
    this.raw(value);
  }

  text(value: string): void {
    this.bytes(Buffer.from(value));
  }

  /** Bytes without their length. */
  raw(value: Uint8Array): void {
    if (value.byteLength === 0) return;
    if (value.byteLength <= this.#copiedBytesMax) {
      this.#reserve(value.byteLength);
      this.#block.set(value, this.#at);
      this.#at += value.byteLength;
      return;
    }
    this.#cut();
    this.#push(value);
  }

  /** Leaves four bytes for `fill`. */
  gap(): Gap {
    this.#reserve(4);
    const gap = { block: this.#block, offset: this.#at, before: this.written };
    this.#at += 4;
    return gap;
  }

  /** Writes how many bytes came after the gap into it, most significant byte first; only before the next `take`. */
  fill({ block, offset, before }: Gap): void {
    const value = this.written - before - 4;
    block[offset] = value >>> 24;
    block[offset + 1] = value >>> 16;
    block[offset + 2] = value >>> 8;
    block[offset + 3] = value;
  }

  /** All that was written since the last call, in order. */
  take(): readonly Uint8Array[] {
    this.#cut();
    const parts = this.#parts;
    this.#parts = [];
    this.#partsBytes = 0;
    return parts;
  }

  /** The open block becomes a part; what is left of it serves the next one. */
  #cut(): void {
    if (this.#at === this.#start) return;
    this.#push(this.#block.subarray(this.#start, this.#at));
    this.#start = this.#at;
  }

  #push(part: Uint8Array): void {
    this.#parts.push(part);
    this.#partsBytes += part.byteLength;
  }

  #reserve(bytes: number): void {
    if (this.#block.byteLength - this.#at >= bytes) return;
    this.#cut();
    this.#block = new Uint8Array(Math.max(blockBytes, bytes));
    this.#start = 0;
    this.#at = 0;
  }
}
