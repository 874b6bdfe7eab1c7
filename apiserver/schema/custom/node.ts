// A user's schema as the walkers of custom objects need it: fields in the order in which problems are told, patterns
// compiled, and what lies below a node said at the node, so that a walk can leave out what has nothing to do. It is
// interpreted; no code is generated from what users wrote.
import type { Schema, ValidationRule } from '../../../apis/index.ts';
import { compilePattern, type Pattern } from '../../../lang/expressions/index.ts';
import { canonical } from './canonical.ts';

/** A schema node, compiled once and never changed. */
export interface Node {
  readonly schema: Schema;
  /** By name, sorted: Kubernetes says problems of fields in no order, we in this one. */
  readonly properties: ReadonlyMap<string, Node>;
  readonly additional: Node | boolean | undefined;
  readonly items: Node | undefined;
  readonly allOf: readonly Node[];
  readonly anyOf: readonly Node[];
  readonly oneOf: readonly Node[];
  readonly not: Node | undefined;
  readonly enumerated: ReadonlySet<string> | undefined;
  readonly pattern: Pattern | undefined;
  readonly isIntOrString: boolean;
  readonly preserves: boolean;
  readonly isResource: boolean;
  readonly rules: readonly ValidationRule[];
  /** Whether this node or one below has a default. */
  readonly hasDefaults: boolean;
  /** Whether this node or one below is a set, a map list or an embedded resource. */
  readonly hasLists: boolean;
  readonly hasResources: boolean;
  /** Whether this node or one below has rules. */
  readonly hasRules: boolean;
}

const nodes = new WeakMap<Schema, Node>();

/** Longest pattern of a user's schema; compiling takes time linear in it. */
export const schemaPatternLengthMax = 4096;

/** The compiled form of a schema; made once for each. Throws an Error for a pattern that cannot be compiled. */
export function nodeOf(schema: Schema): Node {
  let node = nodes.get(schema);
  if (node === undefined) {
    node = compile(schema);
    nodes.set(schema, node);
  }
  return node;
}

/** The node of a field of an object, or `true` and `false` where a map takes anything and nothing. */
export function fieldNode(node: Node, key: string): Node | boolean | undefined {
  return node.properties.get(key) ?? node.additional;
}

function compile(given: Schema): Node {
  const schema = withoutNulls(given);
  const names = Object.keys(schema.properties ?? {}).toSorted();
  const properties = new Map<string, Node>();
  for (const name of names) {
    const child = schema.properties?.[name];
    if (child !== undefined) properties.set(name, nodeOf(child));
  }
  const { additionalProperties, enum: values, pattern, items, not } = schema;
  const additional = typeof additionalProperties === 'object' ? nodeOf(additionalProperties) : additionalProperties;
  const itemNode = items === undefined ? undefined : nodeOf(items);
  const below: Node[] = [...properties.values()];
  if (typeof additional === 'object') below.push(additional);
  if (itemNode !== undefined) below.push(itemNode);
  const listType = schema['x-kubernetes-list-type'];
  const rules = (schema['x-kubernetes-validations'] ?? []).map(withoutNulls);
  const isResource = schema['x-kubernetes-embedded-resource'] === true;
  return {
    schema,
    properties,
    additional,
    items: itemNode,
    allOf: (schema.allOf ?? []).map(nodeOf),
    anyOf: (schema.anyOf ?? []).map(nodeOf),
    oneOf: (schema.oneOf ?? []).map(nodeOf),
    not: not === undefined ? undefined : nodeOf(not),
    enumerated: values === undefined || values.length === 0 ? undefined : new Set(values.map(canonical)),
    pattern: pattern === undefined || pattern === '' ? undefined : compilePattern(pattern, schemaPatternLengthMax),
    isIntOrString: schema['x-kubernetes-int-or-string'] === true,
    preserves: schema['x-kubernetes-preserve-unknown-fields'] === true,
    isResource,
    rules,
    hasDefaults: hasDefault(schema) || below.some((node) => node.hasDefaults),
    hasLists: listType === 'set' || listType === 'map' || below.some((node) => node.hasLists),
    hasResources: isResource || below.some((node) => node.hasResources),
    hasRules: rules.length > 0 || below.some((node) => node.hasRules),
  };
}

/** Whether a schema has a default; null is none, as in Kubernetes. */
export function hasDefault(schema: Schema): boolean {
  return schema.default !== undefined && schema.default !== null;
}

// Stored schemas are as they were sent, where a null or an empty type is the same as nothing.
function withoutNulls<T extends object>(value: T): T {
  const isNothing = (part: unknown, key: string): boolean => part === null || (key === 'type' && part === '');
  if (!Object.entries(value).some(([key, part]) => isNothing(part, key))) return value;
  const copy = { ...value };
  for (const [key, part] of Object.entries(value)) if (isNothing(part, key)) Reflect.deleteProperty(copy, key);
  return copy;
}
