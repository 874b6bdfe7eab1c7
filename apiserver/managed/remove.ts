// Fields taken out of a value.
import type { Schema } from '../../apis/index.ts';
import { arrayOf, isRecord, type JsonRecord } from '../json.ts';
import { childrenOf, type FieldSet, isEmptySet, isMember, leaf } from './field-set.ts';
import { fieldElement } from './path-element.ts';
import { fieldSchema, itemElement, shapeOf } from './shape.ts';

/** `value` without the fields and items of a set, and without what that empties; undefined when nothing is left. */
export function without(schema: Schema | undefined, value: unknown, set: FieldSet): unknown {
  if (isEmptySet(set)) return value;
  switch (shapeOf(schema, value)) {
    case 'leaf':
      return value;
    case 'map':
      return isRecord(value) ? fieldsWithout(schema, value, set) : value;
    case 'list':
      return Array.isArray(value) ? itemsWithout(schema, value, set) : value;
  }
}

function fieldsWithout(schema: Schema | undefined, value: JsonRecord, set: FieldSet): unknown {
  const result: JsonRecord = {};
  let isEmpty = true;
  for (const key in value) {
    const node = set[fieldElement(key)];
    if (node !== undefined && isMember(node)) continue;
    const field = node === undefined ? value[key] : without(fieldSchema(schema, key), value[key], node);
    if (field === undefined) continue;
    result[key] = field;
    isEmpty = false;
  }
  return isEmpty ? undefined : result;
}

function itemsWithout(schema: Schema | undefined, value: readonly unknown[], set: FieldSet): unknown {
  const result: unknown[] = [];
  for (const item of arrayOf(value)) {
    const element = itemElement(schema, item);
    const node = element === undefined ? undefined : set[element];
    if (node !== undefined && isMember(node)) continue;
    const kept = node === undefined ? item : without(schema?.items, item, childrenOf(node));
    if (kept !== undefined) result.push(kept);
  }
  return result.length === 0 ? undefined : result;
}

/** A set brought to what the schema says now: where a field is owned as a whole, nothing below it is owned apart. */
export function reconciled(schema: Schema | undefined, set: FieldSet): FieldSet {
  let result: { [element: string]: FieldSet } | undefined;
  for (const element in set) {
    const node = set[element] ?? leaf;
    if (isEmptySet(node)) continue;
    const isField = element.startsWith('f:');
    const below = isField ? fieldSchema(schema, element.slice(2)) : element === '.' ? undefined : schema?.items;
    if (below === undefined) continue;
    const isWhole =
      below.type === 'array' || below.items !== undefined
        ? shapeOf(below, []) === 'leaf'
        : shapeOf(below, {}) === 'leaf';
    const kept = isWhole ? leaf : reconciled(below, node);
    if (kept !== node) (result ??= { ...set })[element] = kept;
  }
  return result ?? set;
}
