import { TransportError } from './error.ts';

/** Reads what `ByteWriter` wrote. Byte strings are views. Errors: Malformed, when there is less than was promised. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.byteLength - this.#at;
  }

  byte(): number {
    const value = this.#bytes[this.#at];
    if (value === undefined) throw malformed('ends too early');
    this.#at++;
    return value;
  }

  /** A whole number from 0 to 2^53 - 1, in its only spelling. */
  number(): number {
    let value = this.byte();
    if (value < 0x80) return value;
    value &= 0x7f;
    for (let scale = 0x80; ; scale *= 0x80) {
      const next = this.byte();
      value += (next & 0x7f) * scale;
      if (value > Number.MAX_SAFE_INTEGER) throw malformed('has a number above 2^53 - 1');
      if (next >= 0x80) continue;
      if (next === 0) throw malformed('has a number that is longer than it need be');
      return value;
    }
  }

  /** How many things follow, each of at least `bytesMin` bytes: a count that cannot be true is refused before memory is taken. */
  count(bytesMin: number): number {
    const count = this.number();
    if (count * bytesMin > this.left) throw malformed(`promises ${count} parts in ${this.left} bytes`);
    return count;
  }

  /** A length, then as many bytes. */
  bytes(): Uint8Array {
    return this.#view(this.count(1));
  }

  text(): string {
    const bytes = this.bytes();
    try {
      return strict.decode(bytes);
    } catch (cause) {
      throw malformed('has a text that is not UTF-8', cause);
    }
  }

  /** All that is left. */
  rest(): Uint8Array {
    return this.#view(this.left);
  }

  /** Refuses what nobody has read. */
  end(): void {
    if (this.left > 0) throw malformed(`goes on for ${this.left} bytes after its end`);
  }

  #view(length: number): Uint8Array {
    // Never a Buffer, whatever was given: the two compare and clone differently.
    const view = new Uint8Array(this.#bytes.buffer, this.#bytes.byteOffset + this.#at, length);
    this.#at += length;
    return view;
  }
}

/** What a peer sent cannot be read. */
export function malformed(what: string, cause?: unknown): TransportError {
  return new TransportError('Malformed', `what a peer sent ${what}`, { cause });
}

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
