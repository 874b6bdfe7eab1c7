// Whether a user's schema is structural: every field has one type said in one place, so that values can be pruned and
// defaulted without a search, and what stands under allOf, anyOf, oneOf and not only restricts
// (https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema).
import type { Schema, StatusCause } from '../../../apis/index.ts';
import { compilePattern } from '../../../lang/expressions/index.ts';
import * as cause from '../causes.ts';
import { canonical } from './canonical.ts';
import { schemaPatternLengthMax } from './node.ts';

type Level = 'root' | 'item' | 'field';

/** What keeps a schema from being structural, sorted as Kubernetes sorts it. */
export function shapeProblems(schema: Schema, path: string): readonly StatusCause[] {
  const problems = [...invariants(schema, 'root', path), ...completeness(schema, schema, path, path)];
  const told = (problem: StatusCause) => `${problem.field}: ${problem.message}`;
  return problems.toSorted((a, b) => (told(a) < told(b) ? -1 : told(a) > told(b) ? 1 : 0));
}

function invariants(schema: Schema, level: Level, path: string): StatusCause[] {
  const problems: StatusCause[] = [];
  const { items, properties, additionalProperties, type } = schema;
  if (type === 'array' && items === undefined) problems.push(cause.required(`${path}.items`, 'must be specified'));
  if (items !== undefined) problems.push(...invariants(items, 'item', `${path}.items`));
  for (const [name, child] of Object.entries(properties ?? {})) {
    problems.push(...invariants(child, 'field', `${path}.properties[${name}]`));
  }
  if (additionalProperties !== undefined) {
    const at = `${path}.additionalProperties`;
    if (level === 'root') problems.push(cause.forbidden(at, 'must not be used at the root'));
    if (typeof additionalProperties === 'object') problems.push(...invariants(additionalProperties, 'field', at));
  }
  return [
    ...problems,
    ...extensionProblems(schema, path),
    ...validationProblems(schema, isIntOrStringAnyOf(schema), isIntOrStringAllOf(schema), path),
    ...typeProblems(schema, level, path),
    ...metadataProblems(schema, level, path),
  ];
}

function extensionProblems(schema: Schema, path: string): StatusCause[] {
  if (schema['x-kubernetes-int-or-string'] !== true) return [];
  const words = 'must be false if x-kubernetes-int-or-string is true';
  return (['x-kubernetes-preserve-unknown-fields', 'x-kubernetes-embedded-resource'] as const)
    .filter((key) => schema[key] === true)
    .map((key) => cause.invalid(`${path}.${key}`, true, words));
}

const whereTypes: Readonly<Record<Level, string>> = {
  root: 'at the root',
  item: 'for specified array items',
  field: 'for specified object fields',
};

function typeProblems(schema: Schema, level: Level, path: string): StatusCause[] {
  const problems: StatusCause[] = [];
  const { type, properties, additionalProperties } = schema;
  const at = `${path}.type`;
  const isResource = schema['x-kubernetes-embedded-resource'] === true;
  const keeps = schema['x-kubernetes-preserve-unknown-fields'] === true;
  if (isResource && type !== 'object') {
    const words = 'must be object if x-kubernetes-embedded-resource is true';
    problems.push(type === undefined ? cause.required(at, words) : cause.invalid(at, type, words));
  } else if (type === undefined && schema['x-kubernetes-int-or-string'] !== true && !keeps) {
    problems.push(cause.required(at, `must not be empty ${whereTypes[level]}`));
  }
  if (isResource && additionalProperties !== undefined) {
    const words = 'must not be used if x-kubernetes-embedded-resource is set';
    problems.push(cause.forbidden(`${path}.additionalProperties`, words));
  }
  if (level === 'root' && type !== undefined && type !== 'object') {
    problems.push(cause.invalid(at, type, 'must be object at the root'));
  }
  if (isResource && !keeps && Object.keys(properties ?? {}).length === 0) {
    const words =
      'must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields';
    problems.push(cause.required(`${path}.properties`, words));
  }
  return problems;
}

function metadataProblems(schema: Schema, level: Level, path: string): StatusCause[] {
  if (level !== 'root' && schema['x-kubernetes-embedded-resource'] !== true) return [];
  const problems: StatusCause[] = [];
  const { kind, apiVersion, metadata } = schema.properties ?? {};
  for (const [name, child] of Object.entries({ kind, apiVersion })) {
    if (child === undefined || child.type === 'string') continue;
    problems.push(cause.invalid(`${path}.properties[${name}].type`, child.type ?? '', 'must be string'));
  }
  if (metadata === undefined) return problems;
  const at = `${path}.properties[metadata]`;
  if (metadata.type !== 'object') problems.push(cause.invalid(`${at}.type`, metadata.type ?? '', 'must be object'));
  if (level === 'root' && !isOnlyNames(metadata)) {
    const words = 'must not specify anything other than name and generateName, but metadata is implicitly specified';
    problems.push(cause.forbidden(at, words));
  }
  return problems;
}

// Descriptions are counted too in Kubernetes; tools write none there.
function isOnlyNames(metadata: Schema): boolean {
  const { type: _type, default: _default, properties, ...rest } = metadata;
  const names = Object.keys(properties ?? {});
  return Object.keys(rest).length === 0 && names.every((name) => name === 'name' || name === 'generateName');
}

const intOrString = canonical([{ type: 'integer' }, { type: 'string' }]);

// The two forms in which anyOf may speak of types.
function isIntOrStringAnyOf(schema: Schema): boolean {
  return schema.anyOf !== undefined && canonical(schema.anyOf) === intOrString;
}

function isIntOrStringAllOf(schema: Schema): boolean {
  const first = schema.allOf?.[0];
  return first !== undefined && isIntOrStringAnyOf(first);
}

function validationProblems(
  schema: Schema,
  skipsAnyOf: boolean,
  skipsFirstAllOf: boolean,
  path: string,
): StatusCause[] {
  const problems: StatusCause[] = [];
  if (!skipsAnyOf) {
    for (const [index, one] of (schema.anyOf ?? []).entries()) {
      problems.push(...nestedProblems(one, false, `${path}.anyOf[${index}]`));
    }
  }
  for (const [index, one] of (schema.allOf ?? []).entries()) {
    problems.push(...nestedProblems(one, skipsFirstAllOf && index === 0, `${path}.allOf[${index}]`));
  }
  for (const [index, one] of (schema.oneOf ?? []).entries()) {
    problems.push(...nestedProblems(one, false, `${path}.oneOf[${index}]`));
  }
  if (schema.not !== undefined) problems.push(...nestedProblems(schema.not, false, `${path}.not`));
  return [...problems, ...patternProblems(schema, path)];
}

function patternProblems({ pattern }: Schema, path: string): StatusCause[] {
  if (pattern === undefined || pattern === '') return [];
  try {
    compilePattern(pattern, schemaPatternLengthMax);
    return [];
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return [cause.invalid(`${path}.pattern`, pattern, `must be a valid regular expression, but isn't: ${why}`)];
  }
}

// What may not stand below allOf, anyOf, oneOf and not.
const forbiddenBelow: readonly (readonly [keyof Schema, string])[] = [
  ['type', 'must be empty to be structural'],
  ['additionalProperties', 'must be undefined to be structural'],
  ['default', 'must be undefined to be structural'],
  ['title', 'must be empty to be structural'],
  ['description', 'must be empty to be structural'],
  ['nullable', 'must be false to be structural'],
  ['x-kubernetes-preserve-unknown-fields', 'must be false to be structural'],
  ['x-kubernetes-embedded-resource', 'must be false to be structural'],
  ['x-kubernetes-int-or-string', 'must be false to be structural'],
  ['x-kubernetes-list-map-keys', 'must be empty to be structural'],
  ['x-kubernetes-list-type', 'must be undefined to be structural'],
  ['x-kubernetes-map-type', 'must be undefined to be structural'],
  ['x-kubernetes-validations', 'must be empty to be structural'],
];

function nestedProblems(schema: Schema, skipsAnyOf: boolean, path: string): StatusCause[] {
  const problems = validationProblems(schema, skipsAnyOf, false, path);
  if (schema.items !== undefined) problems.push(...nestedProblems(schema.items, false, `${path}.items`));
  for (const [name, child] of Object.entries(schema.properties ?? {})) {
    problems.push(...nestedProblems(child, false, `${path}.properties[${name}]`));
  }
  for (const [key, words] of forbiddenBelow) {
    if (isSaid(schema[key])) problems.push(cause.forbidden(`${path}.${key}`, words));
  }
  // Metadata could be restricted in ways that nothing else knows of.
  if (schema.properties?.metadata !== undefined) {
    problems.push(cause.forbidden(`${path}.properties[metadata]`, 'must not be specified in a nested context'));
  }
  return problems;
}

function isSaid(value: unknown): boolean {
  if (value === undefined || value === false || value === '' || value === null) return false;
  return !Array.isArray(value) || value.length > 0;
}

// Every field and item that a validation of the root names must be there outside of validations too. Kubernetes asks this
// of the root's alone, so that schemas which it takes are taken here.
function completeness(validation: Schema, schema: Schema, schemaPath: string, path: string): StatusCause[] {
  const parts: (readonly [Schema, string])[] = [];
  if (validation.not !== undefined) parts.push([validation.not, `${path}.not`]);
  for (const key of ['allOf', 'anyOf', 'oneOf'] as const) {
    for (const [index, one] of (validation[key] ?? []).entries()) parts.push([one, `${path}.${key}[${index}]`]);
  }
  return parts.flatMap(([one, at]) => nestedCompleteness(one, schema, schemaPath, at));
}

function nestedCompleteness(
  validation: Schema,
  schema: Schema | undefined,
  schemaPath: string,
  path: string,
): StatusCause[] {
  if (schema === undefined) return [cause.required(schemaPath, `because it is defined in ${path}`)];
  const problems = completeness(validation, schema, schemaPath, path);
  if (validation.items !== undefined) {
    problems.push(...nestedCompleteness(validation.items, schema.items, `${schemaPath}.items`, `${path}.items`));
  }
  for (const [name, child] of Object.entries(validation.properties ?? {})) {
    const at = `.properties[${name}]`;
    problems.push(...nestedCompleteness(child, schema.properties?.[name], `${schemaPath}${at}`, `${path}${at}`));
  }
  return problems;
}
