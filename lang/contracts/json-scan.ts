// A strict reader of JSON bytes (RFC 8259): finds where a value ends and refuses what is not JSON, without making objects.
// UTF-8 is checked apart, a whole chunk at a time (node:buffer isUtf8).

/** Deepest nesting of a record. */
export const recordDepthMax = 128;

/** The value is cut off by the end of the bytes. */
export const scanShort = -1;
/** The bytes are not JSON; see errorAt and error. */
export const scanBad = -2;
/** The value nests deeper than recordDepthMax; see errorAt. */
export const scanDeep = -3;

const hex = new Uint8Array(256);
for (const code of Buffer.from('0123456789abcdefABCDEF')) hex[code] = 1;
// 1: an ordinary byte inside a string; 0: a quote, a backslash or a control character.
const plainInString = new Uint8Array(256).fill(1, 0x20);
plainInString[0x22] = 0;
plainInString[0x5c] = 0;

const openArray = 0;
const openObject = 1;

/** Scans values; keeps no state between calls but the last error. */
export class JsonScanner {
  errorAt = 0;
  error = '';
  readonly #open = new Uint8Array(recordDepthMax + 1);

  /**
   * The position after the value that begins at `from` (white space before it is skipped), or scanShort, scanBad or
   * scanDeep. With `whole` the bytes end where the value must: a number at the end is complete, and anything but white
   * space after the value is bad. `above`: how deep the value lies in another.
   */
  scan(bytes: Uint8Array, from: number, end: number, whole: boolean, above = 0): number {
    const after = this.#value(bytes, from, end, whole, above);
    if (!whole || after < 0) return after;
    for (let at = after; at < end; at++) if (!isSpace(bytes[at] ?? 0)) return this.#bad(at, 'text after the value');
    return after;
  }

  #value(bytes: Uint8Array, from: number, end: number, whole: boolean, above: number): number {
    let at = from;
    let depth = 0;
    let wantKey = false;
    for (;;) {
      while (at < end && isSpace(bytes[at] ?? 0)) at++;
      if (at >= end) return scanShort;
      let code = bytes[at] ?? 0;
      if (wantKey) {
        if (code !== 0x22) return this.#bad(at, 'a field name in quotes is missing');
        at = this.#string(bytes, at + 1, end);
        if (at < 0) return at;
        while (at < end && isSpace(bytes[at] ?? 0)) at++;
        if (at >= end) return scanShort;
        if (bytes[at] !== 0x3a) return this.#bad(at, 'a colon is missing');
        at++;
        wantKey = false;
        continue;
      }
      if (code === 0x22) at = this.#string(bytes, at + 1, end);
      else if (code === 0x7b || code === 0x5b) {
        if (++depth + above > recordDepthMax) {
          this.errorAt = at;
          this.error = `nested deeper than ${recordDepthMax}`;
          return scanDeep;
        }
        this.#open[depth] = code === 0x7b ? openObject : openArray;
        at++;
        while (at < end && isSpace(bytes[at] ?? 0)) at++;
        if (at >= end) return scanShort;
        if (bytes[at] !== (code === 0x7b ? 0x7d : 0x5d)) {
          wantKey = code === 0x7b;
          continue;
        }
        depth--;
        at++;
      } else if (code === 0x2d || (code >= 0x30 && code <= 0x39))
        at = this.#number(bytes, at, end, whole && depth === 0);
      else if (code === 0x74) at = this.#word(bytes, at, end, 'true');
      else if (code === 0x66) at = this.#word(bytes, at, end, 'false');
      else if (code === 0x6e) at = this.#word(bytes, at, end, 'null');
      else return this.#bad(at, 'no JSON value begins so');
      if (at < 0) return at;
      // After a value: close what it ends, then a comma or the end of all.
      for (;;) {
        if (depth === 0) return at;
        while (at < end && isSpace(bytes[at] ?? 0)) at++;
        if (at >= end) return scanShort;
        code = bytes[at] ?? 0;
        const inObject = this.#open[depth] === openObject;
        if (code === 0x2c) {
          at++;
          wantKey = inObject;
          break;
        }
        if (code !== (inObject ? 0x7d : 0x5d)) return this.#bad(at, `a comma or ${inObject ? '}' : ']'} is missing`);
        depth--;
        at++;
      }
    }
  }

  #string(bytes: Uint8Array, from: number, end: number): number {
    let at = from;
    for (;;) {
      while (at < end && plainInString[bytes[at] ?? 0] === 1) at++;
      if (at >= end) return scanShort;
      const code = bytes[at];
      if (code === 0x22) return at + 1;
      if (code !== 0x5c) return this.#bad(at, 'a control character in a string');
      if (at + 1 >= end) return scanShort;
      switch (bytes[at + 1]) {
        case 0x22:
        case 0x5c:
        case 0x2f:
        case 0x62:
        case 0x66:
        case 0x6e:
        case 0x72:
        case 0x74:
          at += 2;
          break;
        case 0x75:
          for (let digit = at + 2; digit < at + 6; digit++) {
            if (digit >= end) return scanShort;
            if (hex[bytes[digit] ?? 0] !== 1) return this.#bad(digit, 'a \\u escape without four hex digits');
          }
          at += 6;
          break;
        default:
          return this.#bad(at + 1, 'an unknown escape in a string');
      }
    }
  }

  #number(bytes: Uint8Array, from: number, end: number, whole: boolean): number {
    let at = from;
    if (bytes[at] === 0x2d) at++;
    if (at >= end) return whole ? this.#bad(at, 'a number without digits') : scanShort;
    if (bytes[at] === 0x30) at++;
    else {
      const digits = at;
      while (at < end && isDigit(bytes[at] ?? 0)) at++;
      if (at === digits) return this.#bad(at, 'a number without digits');
    }
    if (at < end && bytes[at] === 0x2e) {
      const digits = ++at;
      while (at < end && isDigit(bytes[at] ?? 0)) at++;
      if (at === digits)
        return at < end || whole ? this.#bad(at, 'a number without digits after its point') : scanShort;
    }
    if (at < end && (bytes[at] === 0x65 || bytes[at] === 0x45)) {
      at++;
      if (at < end && (bytes[at] === 0x2b || bytes[at] === 0x2d)) at++;
      const digits = at;
      while (at < end && isDigit(bytes[at] ?? 0)) at++;
      if (at === digits)
        return at < end || whole ? this.#bad(at, 'a number without digits in its exponent') : scanShort;
    }
    if (at < end) return isDigit(bytes[at] ?? 0) ? this.#bad(at, 'a number that begins with 0') : at;
    return whole ? at : scanShort;
  }

  #word(bytes: Uint8Array, from: number, end: number, word: string): number {
    for (let index = 1; index < word.length; index++) {
      if (from + index >= end) return scanShort;
      if (bytes[from + index] !== word.charCodeAt(index)) return this.#bad(from, 'no JSON value begins so');
    }
    return from + word.length;
  }

  #bad(at: number, error: string): typeof scanBad {
    this.errorAt = at;
    this.error = error;
    return scanBad;
  }
}

/** White space between JSON tokens. */
export function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}
