/** Finds the end of one JSON value that comes in pieces, without checking what is inside. */
export class ValueSkipper {
  #depth = 0;
  #inString = false;
  #escaped = false;
  #begun = false;

  /** The position after the value, or -1 when it goes on behind `end`. Call again with the bytes that follow. */
  skip(bytes: Buffer, from: number, end: number): number {
    for (let at = from; at < end; at++) {
      const code = bytes[at] ?? 0;
      if (this.#inString) {
        if (this.#escaped) this.#escaped = false;
        else if (code === 0x5c) this.#escaped = true;
        else if (code === 0x22) {
          this.#inString = false;
          if (this.#depth === 0) return at + 1;
        }
        continue;
      }
      switch (code) {
        case 0x22:
          this.#inString = true;
          break;
        case 0x7b:
        case 0x5b:
          this.#depth++;
          break;
        case 0x7d:
        case 0x5d:
          if (this.#depth === 0) return at;
          if (--this.#depth === 0) return at + 1;
          break;
        default:
          // A number or a word ends before the comma or the white space behind it.
          if (this.#depth === 0 && this.#begun && (code === 0x2c || code <= 0x20)) return at;
      }
      this.#begun = true;
    }
    return -1;
  }
}
