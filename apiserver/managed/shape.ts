// What a value counts as when its fields are owned: one leaf, a map whose fields are owned apart, or a list whose items are.
// Where there is no schema, maps are taken apart and lists are not.
import type { Schema } from '../../apis/index.ts';
import { isRecord } from '../json.ts';
import { keyElement, valueElement } from './path-element.ts';

/** `list`: its items are owned apart, by key or by value. */
export type Shape = 'leaf' | 'map' | 'list';

/** What `value`, found where `schema` is, counts as. Null counts as an empty map or list where such is expected. */
export function shapeOf(schema: Schema | undefined, value: unknown): Shape {
  if (Array.isArray(value)) return isApart(schema) ? 'list' : 'leaf';
  if (isRecord(value)) return isMapApart(schema) ? 'map' : 'leaf';
  if (value !== null || schema === undefined) return 'leaf';
  if (schema.type === 'array') return isApart(schema) ? 'list' : 'leaf';
  return schema.type === 'object' && isMapApart(schema) ? 'map' : 'leaf';
}

/** The schema of a map's field; undefined where nothing is known of it. */
export function fieldSchema(schema: Schema | undefined, key: string): Schema | undefined {
  if (schema === undefined) return undefined;
  const { properties, additionalProperties: rest } = schema;
  if (properties !== undefined && Object.hasOwn(properties, key)) return properties[key];
  return typeof rest === 'object' ? rest : undefined;
}

/** Whether the schema names the field, and not only allows it. */
export function isNamed(schema: Schema | undefined, key: string): boolean {
  return schema?.properties !== undefined && Object.hasOwn(schema.properties, key);
}

/** Whether the schema allows a field that it does not name. */
export function allowsOthers(schema: Schema | undefined): boolean {
  if (schema?.properties === undefined) return true;
  if (schema['x-kubernetes-preserve-unknown-fields'] === true) return true;
  const rest: unknown = schema.additionalProperties;
  return rest !== undefined && rest !== false;
}

/** The element of an item of a list; undefined for an item that cannot have one. */
export function itemElement(schema: Schema | undefined, item: unknown): string | undefined {
  return schema?.['x-kubernetes-list-type'] === 'map' ? keyElement(schema, item) : valueElement(item);
}

/** A list's items by element, in their order; more than one item may have the same. */
export function itemsByElement(schema: Schema | undefined, items: readonly unknown[]): Map<string, unknown[]> {
  const found = new Map<string, unknown[]>();
  for (const item of items) {
    const element = itemElement(schema, item);
    if (element === undefined) continue;
    const same = found.get(element);
    if (same === undefined) found.set(element, [item]);
    else same.push(item);
  }
  return found;
}

function isApart(schema: Schema | undefined): boolean {
  const type = schema?.['x-kubernetes-list-type'];
  return type === 'map' || type === 'set';
}

function isMapApart(schema: Schema | undefined): boolean {
  return schema?.['x-kubernetes-map-type'] !== 'atomic';
}
