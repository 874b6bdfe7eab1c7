// From a value to the fields that are in it.
import type { Schema } from '../../apis/index.ts';
import { arrayOf, recordOf } from '../json.ts';
import { childrenOf, type FieldSet, type FieldTree, leaf, nodeOf, self } from './field-set.ts';
import { fieldElement } from './path-element.ts';
import { fieldSchema, isNamed, itemElement, itemsByElement, shapeOf } from './shape.ts';

/** Every field in `value`, those that hold others too: what comes new with it, or goes with it. A node: `value` is in it. */
export function everyField(schema: Schema | undefined, value: unknown): FieldSet {
  switch (shapeOf(schema, value)) {
    case 'leaf':
      return leaf;
    case 'map': {
      const node: FieldTree = { [self]: leaf };
      const fields = recordOf(value);
      let isEmpty = true;
      for (const key in fields) {
        isEmpty = false;
        node[fieldElement(key)] = everyField(fieldSchema(schema, key), fields[key]);
      }
      return isEmpty ? leaf : node;
    }
    case 'list': {
      const node: FieldTree = { [self]: leaf };
      let isEmpty = true;
      for (const item of arrayOf(value)) {
        const element = itemElement(schema, item);
        if (element === undefined) continue;
        isEmpty = false;
        // Items that cannot be told apart are one field.
        node[element] = Object.hasOwn(node, element) ? leaf : everyField(schema?.items, item);
      }
      return isEmpty ? leaf : node;
    }
  }
}

/** The fields that an applied configuration owns: its leaves, the items of its lists, and fields that no schema names. */
export function appliedFields(schema: Schema | undefined, value: unknown): FieldSet {
  const node = ownNode(schema, value, true);
  return node === undefined ? leaf : childrenOf(node);
}

function ownNode(schema: Schema | undefined, value: unknown, isNamedField: boolean): FieldSet | undefined {
  const shape = shapeOf(schema, value);
  if (shape === 'leaf' || value === null) return leaf;
  const children: FieldTree = {};
  if (shape === 'map') {
    const fields = recordOf(value);
    let isEmpty = true;
    for (const key in fields) {
      isEmpty = false;
      const child = ownNode(fieldSchema(schema, key), fields[key], isNamed(schema, key));
      if (child !== undefined) children[fieldElement(key)] = child;
    }
    return nodeOf(isEmpty || !isNamedField, children);
  }
  for (const [element, [first, ...others]] of itemsByElement(schema, arrayOf(value))) {
    const below = others.length > 0 ? undefined : ownNode(schema?.items, first, true);
    children[element] = below === undefined ? leaf : (nodeOf(true, childrenOf(below)) ?? leaf);
  }
  return nodeOf(!isNamedField, children);
}

/** The set with every named field that has some of its fields in it. */
export function withNamedFields(schema: Schema | undefined, set: FieldSet): FieldSet {
  const result: FieldTree = {};
  for (const element in set) {
    const node = set[element] ?? leaf;
    if (element === self) {
      result[self] = leaf;
      continue;
    }
    const key = element.startsWith('f:') ? element.slice(2) : undefined;
    const below = key === undefined ? schema?.items : fieldSchema(schema, key);
    const children = withNamedFields(below, childrenOf(node));
    const isIn = Object.hasOwn(node, self) || children === leaf || (key !== undefined && isNamed(schema, key));
    result[element] = nodeOf(isIn, children) ?? leaf;
  }
  return Object.keys(result).length === 0 ? leaf : result;
}
