// The quick checker: reads a record's JSON bytes in place, strictly and in any order of fields, and says only "valid" or "I do
// not know". What it does not know the explaining checker decides. Bytes are valid UTF-8 (a whole chunk is checked at once).
import { type ByteNode, compileByteNode, type Field, kindBit, type ObjectRules, type TextRules } from './byte-rules.ts';
import type { ContractShape } from './contract.ts';
import { isSpace, JsonScanner } from './json-scan.ts';
import type { PatternTest } from './pattern.ts';

/** The quick check of one contract. */
export interface ByteCheck {
  /** Whether bytes [start, end) surely hold one valid record, and nothing else but white space. */
  whole(bytes: Buffer, start: number, end: number): boolean;
  /** The position after a surely valid record that begins at `start` (not a number), or -1. */
  prefix(bytes: Buffer, start: number, limit: number): number;
}

/** The quick check of a record; undefined for a schema with keywords that it does not read. */
export function compileByteCheck(
  contract: ContractShape,
  compilePattern: (source: string) => PatternTest,
): ByteCheck | undefined {
  const node = compileByteNode(contract.schema, { closed: contract.mode === 'closed', compilePattern });
  if (node === undefined) return undefined;
  const checker = new ByteChecker();
  return {
    whole: (bytes, start, end) => checker.whole(node, bytes, start, end),
    prefix: (bytes, start, limit) => checker.prefix(node, bytes, start, limit),
  };
}

/** Deepest nesting that is read in place. */
const depthMax = 64;
const unknown = -1;
const powersOfTen = Array.from({ length: 16 }, (_, power) => 10 ** power);

const stopInString = new Uint8Array(256).fill(1, 0, 0x20);
stopInString[0x22] = 1;
stopInString[0x5c] = 1;

class ByteChecker {
  readonly #scanner = new JsonScanner();
  #bytes: Buffer = Buffer.alloc(0);
  #end = 0;
  /** Whether the string read last has characters beyond ASCII. */
  #wide = 0;

  whole(node: ByteNode, bytes: Buffer, start: number, end: number): boolean {
    const after = this.prefix(node, bytes, start, end);
    return after !== unknown && this.#space(after) === end;
  }

  prefix(node: ByteNode, bytes: Buffer, start: number, end: number): number {
    this.#bytes = bytes;
    this.#end = end;
    const after = this.#value(node, this.#space(start), 0);
    // Bytes behind `end` may be stale: what was read there was not read.
    return after > end ? unknown : after;
  }

  #space(from: number): number {
    let at = from;
    while (at < this.#end && isSpace(this.#bytes[at] ?? 0)) at++;
    return at;
  }

  /** The position after the value at `from`, or `unknown`. */
  #value(node: ByteNode, from: number, depth: number): number {
    if (from >= this.#end || depth > depthMax) return unknown;
    const code = this.#bytes[from] ?? 0;
    switch (code) {
      case 0x22:
        return (node.kinds & kindBit.string) === 0 ? unknown : this.#text(node.text, from);
      case 0x7b:
        if ((node.kinds & kindBit.object) === 0) return unknown;
        return node.object === undefined ? this.#any(from, depth) : this.#object(node.object, from, depth);
      case 0x5b:
        return (node.kinds & kindBit.array) === 0 ? unknown : this.#array(node, from, depth);
      case 0x74:
      case 0x66:
        return (node.kinds & kindBit.boolean) === 0 ? unknown : this.#any(from, depth);
      case 0x6e:
        return (node.kinds & kindBit.null) === 0 ? unknown : this.#any(from, depth);
      default:
        return this.#number(node, from);
    }
  }

  /** Any JSON value, read strictly. */
  #any(from: number, depth: number): number {
    const after = this.#scanner.scan(this.#bytes, from, this.#end, false, depth);
    return after < 0 ? unknown : after;
  }

  #object(rules: ObjectRules, from: number, depth: number): number {
    const bytes = this.#bytes;
    const turn = ++rules.turn;
    let missing = rules.required;
    let expected = 0;
    let at = this.#space(from + 1);
    if (bytes[at] === 0x7d) return missing === 0 ? at + 1 : unknown;
    for (;;) {
      if (at >= this.#end || bytes[at] !== 0x22) return unknown;
      const nameStart = at + 1;
      const nameEnd = this.#plainEnd(nameStart);
      if (nameEnd === unknown) return unknown;
      at = this.#space(nameEnd + 1);
      if (at >= this.#end || bytes[at] !== 0x3a) return unknown;
      at = this.#space(at + 1);
      const index = findField(rules.fields, bytes, nameStart, nameEnd, expected);
      const field = rules.fields[index];
      if (field === undefined) {
        if (rules.others === 'refused') return unknown;
        at = rules.others === undefined ? this.#any(at, depth + 1) : this.#value(rules.others, at, depth + 1);
      } else {
        // The last of equal names wins; sorting that out is for the explaining checker.
        if (rules.seen[index] === turn) return unknown;
        rules.seen[index] = turn;
        if (field.required) missing--;
        at = this.#value(field.node, at, depth + 1);
        expected = index + 1;
      }
      if (at === unknown) return unknown;
      at = this.#space(at);
      if (at >= this.#end) return unknown;
      if (bytes[at] === 0x7d) return missing === 0 ? at + 1 : unknown;
      if (bytes[at] !== 0x2c) return unknown;
      at = this.#space(at + 1);
    }
  }

  #array(node: ByteNode, from: number, depth: number): number {
    const bytes = this.#bytes;
    let count = 0;
    let at = this.#space(from + 1);
    if (bytes[at] === 0x5d) return node.minItems === 0 ? at + 1 : unknown;
    for (;;) {
      at = node.items === undefined ? this.#any(at, depth + 1) : this.#value(node.items, at, depth + 1);
      if (at === unknown) return unknown;
      count++;
      at = this.#space(at);
      if (at >= this.#end) return unknown;
      if (bytes[at] === 0x5d) return count >= node.minItems && count <= node.maxItems ? at + 1 : unknown;
      if (bytes[at] !== 0x2c) return unknown;
      at = this.#space(at + 1);
    }
  }

  #text(rules: TextRules | undefined, from: number): number {
    const start = from + 1;
    const end = this.#plainEnd(start);
    // With escapes inside: read strictly, and leave rules to the explaining checker.
    if (end === unknown) return rules === undefined ? this.#any(from, 0) : unknown;
    if (rules === undefined) return end + 1;
    const wide = this.#wide >= 0x80;
    let length = end - start;
    if (wide) for (let at = start; at < end; at++) if (((this.#bytes[at] ?? 0) & 0xc0) === 0x80) length--;
    if (length < rules.minLength || length > rules.maxLength) return unknown;
    if (rules.tests.length > 0) {
      const text = this.#bytes.toString(wide ? 'utf8' : 'latin1', start, end);
      for (const test of rules.tests) if (!test(text)) return unknown;
    }
    return end + 1;
  }

  /** The position of the quote that ends a string without escapes; sets #wide. */
  #plainEnd(from: number): number {
    const bytes = this.#bytes;
    const end = this.#end;
    let at = from;
    let all = 0;
    while (at < end) {
      const code = bytes[at] ?? 0;
      if (stopInString[code] === 1) {
        this.#wide = all;
        return code === 0x22 ? at : unknown;
      }
      all |= code;
      at++;
    }
    return unknown;
  }

  #number(node: ByteNode, from: number): number {
    const bytes = this.#bytes;
    const end = this.#end;
    let at = from;
    const negative = bytes[at] === 0x2d;
    if (negative) at++;
    const first = at;
    let value = 0;
    for (let code = bytes[at] ?? 0; at < end && code >= 0x30 && code <= 0x39; code = bytes[++at] ?? 0)
      value = value * 10 + code - 0x30;
    let digits = at - first;
    if (digits === 0 || (digits > 1 && bytes[first] === 0x30)) return unknown;
    let whole = true;
    if (at < end && bytes[at] === 0x2e) {
      const point = at++;
      for (let code = bytes[at] ?? 0; at < end && code >= 0x30 && code <= 0x39; code = bytes[++at] ?? 0)
        value = value * 10 + code - 0x30;
      const decimals = at - point - 1;
      if (decimals === 0) return unknown;
      // Up to 15 digits and a power of ten divide exactly as the number is read elsewhere (Clinger's fast path).
      value /= powersOfTen[decimals] ?? 1;
      whole = Number.isInteger(value);
      digits += decimals;
    }
    if (digits > 15 || (at < end && (bytes[at] === 0x65 || bytes[at] === 0x45))) {
      at = this.#any(from, 0);
      if (at === unknown) return unknown;
      if (node.number !== undefined || (node.kinds & kindBit.number) === 0) {
        value = Math.abs(Number(bytes.toString('latin1', from, at)));
        whole = Number.isInteger(value);
      }
    }
    if ((node.kinds & kindBit.integer) === 0 || (!whole && (node.kinds & kindBit.number) === 0)) return unknown;
    const rules = node.number;
    if (rules !== undefined) {
      if (negative) value = -value;
      if (value < rules.minimum || value > rules.maximum) return unknown;
    }
    return at;
  }
}

/** The index of the field with that name; fields mostly come in the contract's order. -1 when there is none. */
function findField(fields: readonly Field[], bytes: Buffer, start: number, end: number, expected: number): number {
  for (let tried = 0; tried < fields.length; tried++) {
    let index = expected + tried;
    if (index >= fields.length) index -= fields.length;
    const name = fields[index]?.name;
    if (name === undefined || name.length !== end - start) continue;
    let at = 0;
    while (at < name.length && name[at] === bytes[start + at]) at++;
    if (at === name.length) return index;
  }
  return -1;
}
