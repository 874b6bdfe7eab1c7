// What Kubernetes asks of the keywords of a user's schema beyond its shape: where defaults may stand, what list types and
// keys need, that fields and maps are not mixed.
import type { Schema, StatusCause } from '../../../apis/index.ts';
import * as cause from '../causes.ts';
import { hasDefault } from './node.ts';

const metaFields = new Set(['apiVersion', 'kind', 'metadata']);

interface Context {
  readonly isRoot: boolean;
  /** Within apiVersion, kind or metadata of an object or an embedded one. */
  readonly inMeta: boolean;
  /** Why there may be no default here. */
  readonly noDefaults: string | undefined;
}

/** What is wrong with the keywords of a whole schema. */
export function keywordProblems(schema: Schema, path: string): readonly StatusCause[] {
  const root =
    schema.nullable === true ? [cause.forbidden(`${path}.nullable`, 'nullable cannot be true at the root')] : [];
  return [...root, ...problemsOf(schema, path, { isRoot: true, inMeta: false, noDefaults: undefined })];
}

function problemsOf(schema: Schema, path: string, context: Context): StatusCause[] {
  const problems: StatusCause[] = [];
  const { additionalProperties, properties, items } = schema;
  const inner: Context = { ...context, isRoot: false };
  if (hasDefault(schema) && context.noDefaults !== undefined) {
    problems.push(cause.forbidden(`${path}.default`, `must not be set ${context.noDefaults}`));
  }
  if (context.inMeta && schema['x-kubernetes-embedded-resource'] === true) {
    const at = `${path}.x-kubernetes-embedded-resource`;
    problems.push(cause.forbidden(at, 'must not be used inside of resource meta'));
  }
  if (additionalProperties !== undefined) {
    const at = `${path}.additionalProperties`;
    if (Object.keys(properties ?? {}).length > 0 && additionalProperties !== true) {
      problems.push(cause.forbidden(at, 'additionalProperties and properties are mutual exclusive'));
    }
    if (typeof additionalProperties === 'object') {
      const noDefaults = context.inMeta ? 'inside additionalProperties applying to object metadata' : inner.noDefaults;
      problems.push(...problemsOf(additionalProperties, at, { ...inner, noDefaults }));
    }
  }
  const isResource = context.isRoot || schema['x-kubernetes-embedded-resource'] === true;
  for (const [name, child] of Object.entries(properties ?? {})) {
    const isMeta = isResource && metaFields.has(name);
    const noDefaults = isMeta && context.isRoot ? `in top-level ${name}` : inner.noDefaults;
    problems.push(
      ...problemsOf(child, `${path}.properties[${name}]`, { ...inner, inMeta: inner.inMeta || isMeta, noDefaults }),
    );
  }
  for (const [one, at] of alternativesOf(schema, path)) problems.push(...problemsOf(one, at, inner));
  if (items !== undefined) problems.push(...problemsOf(items, `${path}.items`, inner));
  return [...problems, ...mapTypeProblems(schema, path), ...listTypeProblems(schema, path)];
}

function alternativesOf(schema: Schema, path: string): readonly (readonly [Schema, string])[] {
  return [
    ...(schema.not === undefined ? [] : [[schema.not, `${path}.not`] as const]),
    ...(['allOf', 'oneOf', 'anyOf'] as const).flatMap((key) =>
      (schema[key] ?? []).map((one, index) => [one, `${path}.${key}[${index}]`] as const),
    ),
  ];
}

function mapTypeProblems(schema: Schema, path: string): StatusCause[] {
  if (schema['x-kubernetes-map-type'] === undefined || schema.type === 'object') return [];
  return [needsType(schema, path, 'must be object if x-kubernetes-map-type is specified')];
}

function needsType(schema: Schema, path: string, words: string): StatusCause {
  const at = `${path}.type`;
  return schema.type === undefined ? cause.required(at, words) : cause.invalid(at, schema.type, words);
}

function listTypeProblems(schema: Schema, path: string): StatusCause[] {
  const problems: StatusCause[] = [];
  const { type, items } = schema;
  const listType = schema['x-kubernetes-list-type'];
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  if (listType !== undefined && type !== 'array') {
    problems.push(needsType(schema, path, 'must be array if x-kubernetes-list-type is specified'));
  } else if (listType === 'set' && items !== undefined) {
    problems.push(...setProblems(items, `${path}.items`));
  }
  if (keys.length > 0 && listType !== 'map') {
    const at = `${path}.x-kubernetes-list-type`;
    const words = 'must be map if x-kubernetes-list-map-keys is non-empty';
    problems.push(listType === undefined ? cause.required(at, words) : cause.invalid(at, listType, words));
  }
  if (listType === 'map') problems.push(...mapListProblems(items, keys, path));
  if ((listType === 'map' || listType === 'set') && items?.nullable === true) {
    const words = `cannot be nullable when x-kubernetes-list-type is ${listType}`;
    problems.push(cause.forbidden(`${path}.items.nullable`, words));
  }
  return problems;
}

function setProblems(items: Schema, path: string): StatusCause[] {
  const words = 'must be atomic as item of a list with x-kubernetes-list-type=set';
  const listType = items['x-kubernetes-list-type'];
  if (items.type === 'array' && listType !== undefined && listType !== 'atomic') {
    return [cause.invalid(`${path}.x-kubernetes-list-type`, listType, words)];
  }
  if (items.type === 'object' && items['x-kubernetes-map-type'] !== 'atomic') {
    return [cause.invalid(`${path}.x-kubernetes-map-type`, items['x-kubernetes-map-type'] ?? null, words)];
  }
  return [];
}

function mapListProblems(items: Schema | undefined, keys: readonly string[], path: string): StatusCause[] {
  const problems: StatusCause[] = [];
  const at = `${path}.x-kubernetes-list-map-keys`;
  if (keys.length === 0) problems.push(cause.required(at, 'must not be empty if x-kubernetes-list-type is map'));
  if (items === undefined) {
    const words = 'must have a schema if x-kubernetes-list-type is map';
    return [...problems, cause.required(`${path}.items`, words)];
  }
  if (items.type !== 'object') {
    const words = "must be object if parent array's x-kubernetes-list-type is map";
    return [...problems, cause.invalid(`${path}.items.type`, items.type ?? '', words)];
  }
  const seen = new Set<string>();
  for (const key of keys) {
    const child = items.properties?.[key];
    if (child === undefined) problems.push(cause.invalid(at, keys, 'entries must all be names of item properties'));
    else problems.push(...keyProblems(items, child, key, `${path}.items.properties[${key}]`));
    if (seen.has(key)) problems.push(cause.invalid(at, keys, 'must not contain duplicate entries'));
    seen.add(key);
  }
  return problems;
}

function keyProblems(items: Schema, child: Schema, key: string, path: string): StatusCause[] {
  const problems: StatusCause[] = [];
  if (child.type === 'array' || child.type === 'object') {
    const words = "must be a scalar type if parent array's x-kubernetes-list-type is map";
    problems.push(cause.invalid(`${path}.type`, items.type ?? '', words));
  }
  if (items.required?.includes(key) !== true && !hasDefault(child)) {
    const words = 'this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property';
    problems.push(cause.required(`${path}.default`, words));
  }
  if (child.nullable === true) {
    const words = 'this property is in x-kubernetes-list-map-keys, so it cannot be nullable';
    problems.push(cause.forbidden(`${path}.nullable`, words));
  }
  return problems;
}
