// What the quick checker (byte-checker.ts) reads by: the part of JSON Schema that can be checked in place, field names as bytes.
import { isNode, own, type SchemaNode } from './contract.ts';
import { formats } from './formats.ts';
import type { PatternTest } from './pattern.ts';
import { additionalOf } from './value-checker.ts';

/** A bit for each type of JSON value. */
export const kindBit = { object: 1, array: 2, string: 4, number: 8, integer: 16, boolean: 32, null: 64 } as const;
const anyKind = 127;

/** The rules for one value. */
export interface ByteNode {
  /** Bits of kindBit that are allowed. */
  readonly kinds: number;
  readonly text?: TextRules;
  readonly number?: NumberRules;
  readonly object?: ObjectRules;
  readonly items?: ByteNode;
  readonly minItems: number;
  readonly maxItems: number;
}

/** The rules for a string. */
export interface TextRules {
  readonly minLength: number;
  readonly maxLength: number;
  readonly tests: readonly PatternTest[];
}

/** The bounds of a number. */
export interface NumberRules {
  readonly minimum: number;
  readonly maximum: number;
}

/** The rules for an object. */
export interface ObjectRules {
  readonly fields: readonly Field[];
  readonly required: number;
  /** Undefined: other fields may hold anything; `refused`: the explaining checker shall say which. */
  readonly others: ByteNode | 'refused' | undefined;
  /** When each field was last seen, as a count of objects read: equal to `turn` means in this object. */
  readonly seen: Int32Array;
  turn: number;
}

/** One property of a schema. */
export interface Field {
  readonly name: Buffer;
  readonly required: boolean;
  readonly node: ByteNode;
}

const quickKeywords = new Set([
  'type',
  'properties',
  'required',
  'additionalProperties',
  'items',
  'minItems',
  'maxItems',
  'minLength',
  'maxLength',
  'pattern',
  'format',
  'minimum',
  'maximum',
  'enum',
  '$schema',
  '$id',
  '$comment',
  'title',
  'description',
  'default',
  'examples',
  'deprecated',
  'readOnly',
  'writeOnly',
  '$defs',
]);

interface Compilation {
  readonly closed: boolean;
  readonly compilePattern: (source: string) => PatternTest;
}

/** The rules for a schema; undefined when it has keywords that cannot be read in place. */
export function compileByteNode(schema: unknown, compilation: Compilation): ByteNode | undefined {
  if (schema === true) return { kinds: anyKind, minItems: 0, maxItems: Infinity };
  if (!isNode(schema)) return undefined;
  if (Object.keys(schema).some((keyword) => !quickKeywords.has(keyword) && !keyword.startsWith('x-'))) return undefined;
  const kinds = kindsOf(own(schema, 'type'));
  const list = own(schema, 'enum');
  // Only lists of strings are read in place.
  if (list !== undefined && (!Array.isArray(list) || !list.every((item) => typeof item === 'string'))) return undefined;
  const object =
    Object.hasOwn(schema, 'properties') ||
    Object.hasOwn(schema, 'required') ||
    Object.hasOwn(schema, 'additionalProperties')
      ? compileObject(schema, compilation)
      : undefined;
  if (object === null) return undefined;
  const items = Object.hasOwn(schema, 'items') ? compileByteNode(schema['items'], compilation) : undefined;
  if (items === undefined && Object.hasOwn(schema, 'items')) return undefined;
  const text = compileText(schema, list, compilation);
  const number = compileNumber(schema);
  return {
    kinds: list === undefined ? kinds : kinds & kindBit.string,
    ...(text === undefined ? {} : { text }),
    ...(number === undefined ? {} : { number }),
    ...(object === undefined ? {} : { object }),
    ...(items === undefined ? {} : { items }),
    minItems: numberOf(schema, 'minItems') ?? 0,
    maxItems: numberOf(schema, 'maxItems') ?? Infinity,
  };
}

function kindsOf(type: unknown): number {
  if (type === undefined) return anyKind;
  const list: unknown[] = Array.isArray(type) ? type : [type];
  let kinds = 0;
  for (const one of list) {
    if (typeof one === 'string' && one in kindBit) kinds |= kindBit[one as keyof typeof kindBit];
    if (one === 'number') kinds |= kindBit.integer;
  }
  return kinds;
}

function compileText(schema: SchemaNode, list: unknown, { compilePattern }: Compilation): TextRules | undefined {
  const tests: PatternTest[] = [];
  const pattern = own(schema, 'pattern');
  if (typeof pattern === 'string') tests.push(compilePattern(pattern));
  const format = own(schema, 'format');
  const check = typeof format === 'string' ? formats[format] : undefined;
  if (check !== undefined) tests.push(check);
  if (Array.isArray(list)) {
    const allowed = new Set(list);
    tests.push((text) => allowed.has(text));
  }
  const [minLength, maxLength] = [numberOf(schema, 'minLength'), numberOf(schema, 'maxLength')];
  if (tests.length === 0 && minLength === undefined && maxLength === undefined) return undefined;
  return { minLength: minLength ?? 0, maxLength: maxLength ?? Infinity, tests };
}

function compileNumber(schema: SchemaNode): NumberRules | undefined {
  const [minimum, maximum] = [numberOf(schema, 'minimum'), numberOf(schema, 'maximum')];
  if (minimum === undefined && maximum === undefined) return undefined;
  return { minimum: minimum ?? -Infinity, maximum: maximum ?? Infinity };
}

/** Null when it cannot be read in place. */
function compileObject(schema: SchemaNode, compilation: Compilation): ObjectRules | null {
  const list = own(schema, 'required');
  const required = new Set(Array.isArray(list) ? list.map(String) : []);
  const properties = own(schema, 'properties');
  const fields: Field[] = [];
  for (const [name, child] of isNode(properties) ? Object.entries(properties) : []) {
    const node = compileByteNode(child, compilation);
    if (node === undefined) return null;
    fields.push({ name: Buffer.from(name), required: required.has(name), node });
  }
  const declared = fields.filter((field) => field.required).length;
  // A required field without a schema of its own: anything will do.
  if (declared < required.size)
    for (const name of required) if (!isNode(properties) || !Object.hasOwn(properties, name)) return null;
  const additional = additionalOf(schema, compilation);
  const others =
    additional === undefined || additional === 'refused' ? additional : compileByteNode(additional, compilation);
  if (others === undefined && additional !== undefined) return null;
  return { fields, required: declared, others, seen: new Int32Array(fields.length), turn: 0 };
}

function numberOf(schema: SchemaNode, keyword: string): number | undefined {
  const value = own(schema, keyword);
  return typeof value === 'number' ? value : undefined;
}
