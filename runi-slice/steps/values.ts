import type { Batch } from '../flow/batch.ts';
import type { StepContext } from './step.ts';

/** A record that is a JSON object. */
export type Fields = Readonly<Record<string, unknown>>;

/** The record as an object; undefined when it is none: then it went to the dead letters (code `wrong_type`). */
export function fieldsOf(context: StepContext, batch: Batch, index: number): Fields | undefined {
  const value = batch.value(index);
  if (isFields(value)) return value;
  const got = value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value;
  context.letters.addFrom(batch, index, { code: 'wrong_type', path: '$', reason: `expected object, got ${got}` });
  return undefined;
}

/** Whether a value is a record with fields. */
export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** An own field, undefined when there is none. */
export function ownField(fields: Fields, name: string): unknown {
  return Object.hasOwn(fields, name) ? fields[name] : undefined;
}

/** The value at a path of field names; undefined when something on the way is missing or no object. */
export function valueAt(fields: Fields, path: readonly string[]): unknown {
  let value: unknown = fields;
  for (const name of path) {
    if (!isFields(value)) return undefined;
    value = ownField(value, name);
  }
  return value;
}

/** A total order of JSON values: missing and null, then booleans, numbers, texts (by UTF-16 code unit), the rest as JSON. */
export function compareValues(a: unknown, b: unknown): number {
  const rank = rankOf(a) - rankOf(b);
  if (rank !== 0) return rank;
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  if (typeof a === 'boolean' && typeof b === 'boolean') return Number(a) - Number(b);
  const [left, right] =
    typeof a === 'string' && typeof b === 'string' ? [a, b] : [JSON.stringify(a), JSON.stringify(b)];
  return left === right ? 0 : left < right ? -1 : 1;
}

function rankOf(value: unknown): number {
  if (value === undefined || value === null) return 0;
  const rank = ['boolean', 'number', 'string'].indexOf(typeof value);
  return rank === -1 ? 4 : rank + 1;
}
