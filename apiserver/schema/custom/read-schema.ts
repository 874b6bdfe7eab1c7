// A user's openAPIV3Schema as a Schema, or why it cannot be one: unknown JSON is read within bounds, and what Kubernetes
// refuses in any schema of a definition ($ref and its kin) is refused here, in its words.
import type { Schema, StatusCause, ValidationRule } from '../../../apis/index.ts';
import { isRecord, type JsonRecord } from '../../json.ts';
import * as cause from '../causes.ts';

/** What was read. */
export interface ReadSchema {
  /** Undefined when there are problems. */
  readonly schema: Schema | undefined;
  readonly problems: readonly StatusCause[];
  /** Paths of keywords that mean nothing. */
  readonly unknownFields: readonly string[];
}

/** Deepest nesting of a user's schema, values in it included. */
export const schemaDepthMax = 128;
/** Most schema nodes and values in a user's schema. */
export const schemaNodesMax = 100_000;
const problemsMax = 50;

/** Reads a schema found at `path`, which begins all paths of problems. */
export function readSchema(value: unknown, path: string): ReadSchema {
  const reader: Reader = { problems: [], unknownFields: [], nodes: 0, isOver: false };
  const schema = node(reader, value, path, 0);
  return {
    schema: reader.problems.length === 0 ? schema : undefined,
    problems: reader.problems,
    unknownFields: reader.unknownFields,
  };
}

type Draft = { -readonly [K in keyof Schema]: Schema[K] };
type Keyword = (reader: Reader, draft: Draft, value: unknown, path: string, depth: number) => void;

interface Reader {
  readonly problems: StatusCause[];
  readonly unknownFields: string[];
  nodes: number;
  isOver: boolean;
}

const types = ['array', 'boolean', 'integer', 'number', 'object', 'string'] as const;
const listTypes = ['atomic', 'set', 'map'] as const;
const mapTypes = ['atomic', 'granular'] as const;

const keywords: Readonly<Record<string, Keyword>> = {
  type: (reader, draft, value, path) => {
    if (value === '') return;
    if (value === 'null')
      note(reader, cause.forbidden(path, 'type cannot be set to null, use nullable as an alternative'));
    const found = oneOf(reader, value, types, path);
    if (found !== undefined) draft.type = found;
  },
  title: (reader, draft, value, path) => set(draft, 'title', text(reader, value, path)),
  description: (reader, draft, value, path) => set(draft, 'description', text(reader, value, path)),
  format: (reader, draft, value, path) => set(draft, 'format', text(reader, value, path)),
  pattern: (reader, draft, value, path) => set(draft, 'pattern', text(reader, value, path)),
  minimum: (reader, draft, value, path) => set(draft, 'minimum', number(reader, value, path)),
  maximum: (reader, draft, value, path) => set(draft, 'maximum', number(reader, value, path)),
  multipleOf: (reader, draft, value, path) => set(draft, 'multipleOf', number(reader, value, path)),
  minLength: (reader, draft, value, path) => set(draft, 'minLength', count(reader, value, path)),
  maxLength: (reader, draft, value, path) => set(draft, 'maxLength', count(reader, value, path)),
  minItems: (reader, draft, value, path) => set(draft, 'minItems', count(reader, value, path)),
  maxItems: (reader, draft, value, path) => set(draft, 'maxItems', count(reader, value, path)),
  minProperties: (reader, draft, value, path) => set(draft, 'minProperties', count(reader, value, path)),
  maxProperties: (reader, draft, value, path) => set(draft, 'maxProperties', count(reader, value, path)),
  exclusiveMinimum: (reader, draft, value, path) => set(draft, 'exclusiveMinimum', truth(reader, value, path)),
  exclusiveMaximum: (reader, draft, value, path) => set(draft, 'exclusiveMaximum', truth(reader, value, path)),
  nullable: (reader, draft, value, path) => set(draft, 'nullable', truth(reader, value, path)),
  uniqueItems: (reader, _draft, value, path) => {
    const words = 'uniqueItems cannot be set to true since the runtime complexity becomes quadratic';
    if (truth(reader, value, path) === true) note(reader, cause.forbidden(path, words));
  },
  default: (reader, draft, value, path, depth) => set(draft, 'default', json(reader, value, path, depth)),
  example: (reader, draft, value, path, depth) => set(draft, 'example', json(reader, value, path, depth)),
  enum: (reader, draft, value, path, depth) =>
    set(
      draft,
      'enum',
      list(reader, value, path, (item, itemPath) => json(reader, item, itemPath, depth + 1)),
    ),
  required: (reader, draft, value, path) =>
    set(
      draft,
      'required',
      list(reader, value, path, (item, itemPath) => text(reader, item, itemPath)),
    ),
  externalDocs: (reader, draft, value, path) => {
    if (!isRecord(value)) return wrong(reader, path, 'object', value);
    const description = text(reader, value.description ?? '', `${path}.description`);
    const url = text(reader, value.url ?? '', `${path}.url`);
    draft.externalDocs = {
      ...(description === undefined || description === '' ? {} : { description }),
      ...(url === undefined || url === '' ? {} : { url }),
    };
  },
  properties: (reader, draft, value, path, depth) => {
    if (!isRecord(value)) return wrong(reader, path, 'object', value);
    const properties: Record<string, Schema> = {};
    for (const [key, child] of Object.entries(value)) {
      if (reader.isOver) return;
      properties[key] = node(reader, child, `${path}[${key}]`, depth + 1);
    }
    draft.properties = properties;
  },
  additionalProperties: (reader, draft, value, path, depth) => {
    draft.additionalProperties = typeof value === 'boolean' ? value : node(reader, value, path, depth + 1);
  },
  items: (reader, draft, value, path, depth) => {
    if (Array.isArray(value)) note(reader, cause.forbidden(path, 'items must be a schema object and not an array'));
    else draft.items = node(reader, value, path, depth + 1);
  },
  allOf: (reader, draft, value, path, depth) => set(draft, 'allOf', schemas(reader, value, path, depth)),
  anyOf: (reader, draft, value, path, depth) => set(draft, 'anyOf', schemas(reader, value, path, depth)),
  oneOf: (reader, draft, value, path, depth) => set(draft, 'oneOf', schemas(reader, value, path, depth)),
  not: (reader, draft, value, path, depth) => {
    draft.not = node(reader, value, path, depth + 1);
  },
  'x-kubernetes-int-or-string': (reader, draft, value, path) => {
    if (truth(reader, value, path) === true) draft['x-kubernetes-int-or-string'] = true;
  },
  'x-kubernetes-embedded-resource': (reader, draft, value, path) => {
    if (truth(reader, value, path) === true) draft['x-kubernetes-embedded-resource'] = true;
  },
  'x-kubernetes-preserve-unknown-fields': (reader, draft, value, path) => {
    const keeps = truth(reader, value, path);
    if (keeps === true) draft['x-kubernetes-preserve-unknown-fields'] = true;
    else if (keeps === false) note(reader, cause.invalid(path, false, 'must be true or undefined'));
  },
  'x-kubernetes-list-type': (reader, draft, value, path) =>
    set(draft, 'x-kubernetes-list-type', oneOf(reader, value, listTypes, path)),
  'x-kubernetes-map-type': (reader, draft, value, path) =>
    set(draft, 'x-kubernetes-map-type', oneOf(reader, value, mapTypes, path)),
  'x-kubernetes-list-map-keys': (reader, draft, value, path) =>
    set(
      draft,
      'x-kubernetes-list-map-keys',
      list(reader, value, path, (item, itemPath) => text(reader, item, itemPath)),
    ),
  'x-kubernetes-validations': (reader, draft, value, path) =>
    set(
      draft,
      'x-kubernetes-validations',
      list(reader, value, path, (item, itemPath) => rule(reader, item, itemPath)),
    ),
  id: unsupported('id'),
  $schema: unsupported('schema'),
  $ref: unsupported('$ref'),
  patternProperties: unsupported('patternProperties'),
  dependencies: unsupported('dependencies'),
  additionalItems: unsupported('additionalItems'),
  definitions: unsupported('definitions'),
};

function node(reader: Reader, value: unknown, path: string, depth: number): Schema {
  if (!isRecord(value)) {
    wrong(reader, path, 'object', value);
    return {};
  }
  if (isOverBudget(reader, path, depth)) return {};
  const draft: Draft = {};
  for (const [key, part] of Object.entries(value)) {
    if (reader.isOver) break;
    const keyword = Object.hasOwn(keywords, key) ? keywords[key] : undefined;
    if (keyword === undefined) {
      if (reader.unknownFields.length < problemsMax) reader.unknownFields.push(`${path}.${key}`);
    } else if (part !== null) keyword(reader, draft, part, `${path}.${key}`, depth);
  }
  return draft;
}

function isOverBudget(reader: Reader, path: string, depth: number): boolean {
  reader.nodes++;
  if (reader.isOver || (depth <= schemaDepthMax && reader.nodes <= schemaNodesMax)) return reader.isOver;
  reader.isOver = true;
  const words =
    depth > schemaDepthMax
      ? `must not be nested deeper than ${schemaDepthMax} levels`
      : `must not have more than ${schemaNodesMax} schemas and values in all`;
  note(reader, cause.forbidden(path, words));
  return true;
}

// Any JSON; it is the caller's and not copied, since bodies are parsed for one request.
function json(reader: Reader, value: unknown, path: string, depth: number): unknown {
  if (isOverBudget(reader, path, depth)) return undefined;
  const parts = Array.isArray(value) ? value : isRecord(value) ? Object.values(value) : [];
  for (const part of parts) {
    if (reader.isOver) return undefined;
    json(reader, part, path, depth + 1);
  }
  return value;
}

function schemas(reader: Reader, value: unknown, path: string, depth: number): readonly Schema[] | undefined {
  return list(reader, value, path, (item, itemPath) => node(reader, item, itemPath, depth + 1));
}

function rule(reader: Reader, value: unknown, path: string): ValidationRule | undefined {
  if (!isRecord(value)) {
    wrong(reader, path, 'object', value);
    return undefined;
  }
  const known = new Set(['rule', 'message', 'messageExpression', 'reason', 'fieldPath', 'optionalOldSelf']);
  for (const key of Object.keys(value)) if (!known.has(key)) reader.unknownFields.push(`${path}.${key}`);
  const optionalOldSelf = truth(reader, value.optionalOldSelf ?? undefined, `${path}.optionalOldSelf`);
  return {
    rule: optionalText(reader, value, 'rule', path).rule ?? '',
    ...optionalText(reader, value, 'message', path),
    ...optionalText(reader, value, 'messageExpression', path),
    ...optionalText(reader, value, 'reason', path),
    ...optionalText(reader, value, 'fieldPath', path),
    ...(optionalOldSelf === undefined ? {} : { optionalOldSelf }),
  };
}

function optionalText<K extends string>(
  reader: Reader,
  value: JsonRecord,
  key: K,
  path: string,
): { readonly [P in K]?: string } {
  const part = value[key];
  const found = part === undefined || part === null ? undefined : text(reader, part, `${path}.${key}`);
  // TypeScript does not see that a computed key of type K makes such an object.
  return (found === undefined ? {} : { [key]: found }) as { readonly [P in K]?: string };
}

function set<K extends keyof Draft>(draft: Draft, key: K, value: Draft[K] | undefined): void {
  if (value !== undefined) draft[key] = value;
}

function list<T>(
  reader: Reader,
  value: unknown,
  path: string,
  read: (item: unknown, path: string) => T | undefined,
): T[] | undefined {
  if (!Array.isArray(value)) {
    wrong(reader, path, 'array', value);
    return undefined;
  }
  const result: T[] = [];
  for (const [index, item] of value.entries()) {
    if (reader.isOver) return undefined;
    const found = read(item, `${path}[${index}]`);
    if (found !== undefined) result.push(found);
  }
  return result;
}

function oneOf<T extends string>(reader: Reader, value: unknown, known: readonly T[], path: string): T | undefined {
  const found = known.find((item) => item === value);
  if (found === undefined) note(reader, cause.notSupported(path, value, known));
  return found;
}

function text(reader: Reader, value: unknown, path: string): string | undefined {
  if (typeof value === 'string') return value;
  wrong(reader, path, 'string', value);
  return undefined;
}

function number(reader: Reader, value: unknown, path: string): number | undefined {
  if (typeof value === 'number') return value;
  wrong(reader, path, 'number', value);
  return undefined;
}

function count(reader: Reader, value: unknown, path: string): number | undefined {
  if (typeof value === 'number' && Number.isInteger(value)) return value;
  wrong(reader, path, 'integer', value);
  return undefined;
}

function truth(reader: Reader, value: unknown, path: string): boolean | undefined {
  if (typeof value === 'boolean' || value === undefined) return value;
  wrong(reader, path, 'boolean', value);
  return undefined;
}

function unsupported(name: string): Keyword {
  return (reader, _draft, value, path) => {
    if (value === '' || (isRecord(value) && Object.keys(value).length === 0)) return;
    note(reader, cause.forbidden(path, `${name} is not supported`));
  };
}

function wrong(reader: Reader, path: string, wanted: string, value: unknown): void {
  note(reader, cause.typeInvalid(path, wanted, value));
}

function note(reader: Reader, problem: StatusCause): void {
  if (reader.problems.length < problemsMax) reader.problems.push(problem);
  else reader.isOver = true;
}
