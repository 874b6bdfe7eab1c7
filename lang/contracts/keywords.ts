// The subset of JSON Schema 2020-12 that contracts are written in.
import { isNode, type SchemaNode } from './contract.ts';

/** Keywords that say nothing about which records are valid. */
export const annotations: ReadonlySet<string> = new Set([
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
]);

/** Tags of a field or of the whole record. */
export const tags: ReadonlySet<string> = new Set([
  'x-pii',
  'x-access',
  'x-mask',
  'x-lineage',
  'x-event-time',
  'x-hints',
]);

/** Keywords that a checker implements. */
export const constraints: ReadonlySet<string> = new Set([
  '$defs',
  '$ref',
  'type',
  'enum',
  'const',
  'properties',
  'required',
  'additionalProperties',
  'minProperties',
  'maxProperties',
  'items',
  'minItems',
  'maxItems',
  'uniqueItems',
  'minLength',
  'maxLength',
  'pattern',
  'format',
  'minimum',
  'maximum',
  'exclusiveMinimum',
  'exclusiveMaximum',
  'multipleOf',
  'allOf',
  'anyOf',
  'oneOf',
  'not',
]);

/** The types of JSON Schema. */
export const types = ['object', 'array', 'string', 'integer', 'number', 'boolean', 'null'] as const;
export type JsonType = (typeof types)[number];

/** The schemas directly below a schema, each with its JSON pointer from there (`properties/a`). */
export function childSchemas(node: SchemaNode): readonly (readonly [string, unknown])[] {
  const children: (readonly [string, unknown])[] = [];
  for (const keyword of ['properties', '$defs']) {
    const map = node[keyword];
    if (isNode(map))
      for (const [name, schema] of Object.entries(map)) children.push([`${keyword}/${escaped(name)}`, schema]);
  }
  for (const keyword of ['items', 'additionalProperties', 'not'])
    if (Object.hasOwn(node, keyword)) children.push([keyword, node[keyword]]);
  for (const keyword of ['allOf', 'anyOf', 'oneOf']) {
    const list = node[keyword];
    if (Array.isArray(list)) list.forEach((schema, index) => children.push([`${keyword}/${index}`, schema]));
  }
  return children;
}

/** The schema that a local reference (`#/$defs/x`) points to; undefined when there is none. */
export function resolveReference(root: unknown, reference: string): unknown {
  if (reference === '#') return root;
  if (!reference.startsWith('#/')) return undefined;
  let node: unknown = root;
  for (const step of reference.slice(2).split('/')) {
    const name = decodeURIComponent(step).replaceAll('~1', '/').replaceAll('~0', '~');
    if (Array.isArray(node)) node = node[Number(name)];
    else if (isNode(node) && Object.hasOwn(node, name)) node = node[name];
    else return undefined;
  }
  return node;
}

function escaped(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}
