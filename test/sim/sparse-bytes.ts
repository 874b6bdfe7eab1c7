const pageBytes = 4_096;
const noPage = new Uint8Array(pageBytes);

/** The bytes of a file; pages that hold only zeros take no memory, so that zero-filled segments are cheap. */
export class SparseBytes {
  readonly #pages = new Map<number, Uint8Array>();
  #length = 0;

  get length(): number {
    return this.#length;
  }

  write(bytes: Uint8Array, position: number): void {
    this.#length = Math.max(this.#length, position + bytes.byteLength);
    for (let done = 0; done < bytes.byteLength; ) {
      const at = position + done;
      const number = Math.floor(at / pageBytes);
      const offset = at % pageBytes;
      const part = bytes.subarray(done, done + pageBytes - offset);
      done += part.byteLength;
      const page = this.#pages.get(number);
      if (page !== undefined) page.set(part, offset);
      else if (!isZero(part)) {
        const made = new Uint8Array(pageBytes);
        made.set(part, offset);
        this.#pages.set(number, made);
      }
    }
  }

  /** A copy; shorter than `length` at the end of the file. */
  read(position: number, length: number): Uint8Array {
    const bytes = new Uint8Array(Math.max(0, Math.min(length, this.#length - position)));
    for (let done = 0; done < bytes.byteLength; ) {
      const at = position + done;
      const offset = at % pageBytes;
      const part = Math.min(pageBytes - offset, bytes.byteLength - done);
      const page = this.#pages.get(Math.floor(at / pageBytes));
      if (page !== undefined) bytes.set(page.subarray(offset, offset + part), done);
      done += part;
    }
    return bytes;
  }

  flip(position: number, bit: number): void {
    const [byte] = this.read(position, 1);
    if (byte !== undefined) this.write(Uint8Array.of(byte ^ (1 << bit)), position);
  }
}

function isZero(bytes: Uint8Array): boolean {
  return Buffer.compare(bytes, noPage.subarray(0, bytes.byteLength)) === 0;
}
