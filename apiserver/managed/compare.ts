// What became of the fields from one value to another.
import type { Schema } from '../../apis/index.ts';
import { arrayOf, jsonEqual, recordOf } from '../json.ts';
import { childrenOf, type FieldSet, type FieldTree, isEmptySet, leaf } from './field-set.ts';
import { everyField } from './own.ts';
import { fieldElement } from './path-element.ts';
import { fieldSchema, itemsByElement, type Shape, shapeOf } from './shape.ts';

/** The fields that were added, got another value, and went. */
export interface Comparison {
  readonly added: FieldSet;
  readonly modified: FieldSet;
  readonly removed: FieldSet;
}

/** Compares two values of a schema; undefined when they are the same. */
export function compare(schema: Schema | undefined, before: unknown, after: unknown): Comparison | undefined {
  const found = compareNode(schema, before, after);
  if (found === undefined) return undefined;
  return {
    added: childrenOf(found.added ?? leaf),
    modified: childrenOf(found.modified ?? leaf),
    removed: childrenOf(found.removed ?? leaf),
  };
}

// Nodes, where compare has sets; undefined is none, as an empty node is a field.
interface Found {
  readonly added?: FieldSet | undefined;
  readonly modified?: FieldSet | undefined;
  readonly removed?: FieldSet | undefined;
}

function compareNode(schema: Schema | undefined, before: unknown, after: unknown): Found | undefined {
  if (before === after) return undefined;
  if (before === undefined) return { added: everyField(schema, after) };
  if (after === undefined) return { removed: everyField(schema, before) };
  const was = shapeBeside(schema, before, after);
  const is = shapeBeside(schema, after, before);
  if (was !== is) {
    // One is a leaf: that the field changed is one thing, what else came or went with it another.
    const came = childrenOf(everyField(schema, after));
    const went = childrenOf(everyField(schema, before));
    return {
      modified: leaf,
      ...(isEmptySet(came) ? {} : { added: came }),
      ...(isEmptySet(went) ? {} : { removed: went }),
    };
  }
  switch (is) {
    case 'leaf':
      return jsonEqual(before, after) ? undefined : { modified: leaf };
    case 'map':
      return compareMaps(schema, before, after);
    case 'list':
      return compareLists(schema, before, after);
  }
}

// Null is an empty one of what the other is.
function shapeBeside(schema: Schema | undefined, value: unknown, other: unknown): Shape {
  return shapeOf(schema, value === null ? other : value);
}

function compareMaps(schema: Schema | undefined, before: unknown, after: unknown): Found | undefined {
  const was = recordOf(before);
  const is = recordOf(after);
  const found = new Collected();
  let isEmpty = true;
  for (const key in is) {
    isEmpty = false;
    const earlier = Object.hasOwn(was, key) ? was[key] : undefined;
    found.add(fieldElement(key), compareNode(fieldSchema(schema, key), earlier, is[key]));
  }
  for (const key in was) {
    isEmpty = false;
    if (!Object.hasOwn(is, key) || is[key] === undefined) {
      found.add(fieldElement(key), compareNode(fieldSchema(schema, key), was[key], undefined));
    }
  }
  // An empty one and none are told apart as leaves are.
  if (isEmpty) return jsonEqual(before, after) ? undefined : { modified: leaf };
  return found.result();
}

function compareLists(schema: Schema | undefined, before: unknown, after: unknown): Found | undefined {
  const was = itemsByElement(schema, arrayOf(before));
  const is = itemsByElement(schema, arrayOf(after));
  if (was.size === 0 && is.size === 0) return jsonEqual(before, after) ? undefined : { modified: leaf };
  const found = new Collected();
  for (const [element, items] of is) found.add(element, compareItems(schema?.items, was.get(element) ?? [], items));
  for (const [element, items] of was) {
    if (!is.has(element)) found.add(element, compareItems(schema?.items, items, []));
  }
  return found.result();
}

// Items that cannot be told apart count as one leaf.
function compareItems(
  schema: Schema | undefined,
  before: readonly unknown[],
  after: readonly unknown[],
): Found | undefined {
  const [was] = before;
  const [is] = after;
  if (before.length <= 1 && after.length <= 1) return compareNode(schema, was, is);
  if (before.length > 1 && after.length > 1) return jsonEqual(before, after) ? undefined : { modified: leaf };
  if (before.length > 1) return { removed: leaf, ...(is === undefined ? {} : { added: everyField(schema, is) }) };
  return { added: leaf, ...(was === undefined ? {} : { removed: everyField(schema, was) }) };
}

class Collected {
  #added: FieldTree | undefined;
  #modified: FieldTree | undefined;
  #removed: FieldTree | undefined;

  add(element: string, found: Found | undefined): void {
    if (found === undefined) return;
    if (found.added !== undefined) (this.#added ??= {})[element] = found.added;
    if (found.modified !== undefined) (this.#modified ??= {})[element] = found.modified;
    if (found.removed !== undefined) (this.#removed ??= {})[element] = found.removed;
  }

  result(): Found | undefined {
    if (this.#added === undefined && this.#modified === undefined && this.#removed === undefined) return undefined;
    return { added: this.#added, modified: this.#modified, removed: this.#removed };
  }
}
