// The elements of paths: how an item of a list is named by what is in it, how a client's elements are brought into one form,
// and how messages write paths.
import type { Schema } from '../../apis/index.ts';
import { isRecord, type JsonRecord, recordOf } from '../json.ts';
import { type FieldSet, type FieldTree, leaf, self } from './field-set.ts';

/** `f:NAME`. */
export function fieldElement(name: string): string {
  return `f:${name}`;
}

/** `v:VALUE`, for an item of a set; undefined for what cannot be one. */
export function valueElement(item: unknown): string | undefined {
  return item === null || typeof item === 'object' || item === undefined ? undefined : `v:${JSON.stringify(item)}`;
}

/** `k:{"KEY":VALUE}` with the keys in order, for an item of a list that is a map; undefined when it has none of its keys. */
export function keyElement(list: Schema, item: unknown): string | undefined {
  if (!isRecord(item)) return undefined;
  const keys = list['x-kubernetes-list-map-keys'] ?? [];
  const [only] = keys;
  // Most lists have one key.
  if (keys.length === 1 && only !== undefined) {
    const value = keyValue(list, item, only);
    return value === undefined ? undefined : `k:{${JSON.stringify(only)}:${JSON.stringify(value)}}`;
  }
  const parts: string[] = [];
  for (const key of [...keys].sort()) {
    const value = keyValue(list, item, key);
    if (value !== undefined) parts.push(`${JSON.stringify(key)}:${JSON.stringify(value)}`);
  }
  return parts.length === 0 ? undefined : `k:{${parts.join(',')}}`;
}

/** A client's FieldsV1 in our one form, or a text that says why it is none. */
export function parseFieldSet(value: unknown): FieldSet | string {
  if (!isRecord(value)) return 'fieldsV1 must be an object';
  const result: FieldTree = {};
  for (const [key, node] of Object.entries(value)) {
    if (key === self) {
      result[self] = leaf;
      continue;
    }
    const element = parseElement(key);
    if (element === undefined) return `invalid path element ${JSON.stringify(key)}`;
    // Of a sort that a later version knows.
    if (element === '') continue;
    const child = parseFieldSet(node);
    if (typeof child === 'string') return child;
    result[element] = child;
  }
  return result;
}

/** `.spec.steps[name="a"].run`. */
export function pathText(path: readonly string[]): string {
  return path.map(elementText).join('');
}

/** One element as messages write it. */
export function elementText(element: string): string {
  const content = element.slice(2);
  switch (element[0]) {
    case 'f':
      return `.${content}`;
    case 'k': {
      const fields = Object.entries(recordOf(parsed(content)));
      return `[${fields.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(',')}]`;
    }
    case 'v':
      return `[=${content}]`;
    default:
      return `[${content}]`;
  }
}

function keyValue(list: Schema, item: JsonRecord, key: string): unknown {
  return Object.hasOwn(item, key) ? item[key] : list.items?.properties?.[key]?.default;
}

function parseElement(text: string): string | undefined {
  if (text[1] !== ':') return undefined;
  const content = text.slice(2);
  switch (text[0]) {
    case 'f':
      return text;
    case 'i':
      return /^\d{1,9}$/.test(content) ? text : undefined;
    case 'v':
      return valueElement(parsed(content));
    case 'k': {
      const fields = parsed(content);
      if (!isRecord(fields)) return undefined;
      const parts = Object.keys(fields)
        .sort()
        .map((key) => `${JSON.stringify(key)}:${JSON.stringify(fields[key])}`);
      return `k:{${parts.join(',')}}`;
    }
    default:
      return '';
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // No JSON, so no element; undefined is no JSON value.
    return undefined;
  }
}
