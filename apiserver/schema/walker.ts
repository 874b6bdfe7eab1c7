// One structural walk over an object: it prunes what the schema does not declare, fills in defaults (never in list
// items) and says what is wrong, with Kubernetes' words and paths. Built-in schemas and users' go the same way.
import { QuantityError, quantityUnits, type Schema, type StatusCause } from '../../apis/index.ts';
import { isRecord, type JsonRecord } from '../json.ts';
import * as cause from './causes.ts';

/** What came of a value that was walked with its schema. */
export interface Walked {
  /** A new value; nothing in it is shared with schema defaults. */
  readonly value: unknown;
  readonly causes: readonly StatusCause[];
  /** Paths of fields that were dropped. */
  readonly unknownFields: readonly string[];
}

/** More problems than this are not collected. */
const causesMax = 50;

/** Walks `value`, found at `path` (empty for the root), by `schema`. */
export function walk(schema: Schema, value: unknown, path = ''): Walked {
  const state: State = { causes: [], unknownFields: [] };
  return { value: node(schema, value, path, state, false), ...state };
}

interface State {
  readonly causes: StatusCause[];
  readonly unknownFields: string[];
}

function note(state: State, problem: StatusCause): void {
  if (state.causes.length < causesMax) state.causes.push(problem);
}

function node(schema: Schema, value: unknown, path: string, state: State, inList: boolean): unknown {
  if (schema['x-kubernetes-int-or-string'] === true) return quantity(value, path, state);
  if (schema['x-kubernetes-preserve-unknown-fields'] === true) {
    if (schema.type === 'object' && !isRecord(value)) note(state, cause.typeInvalid(path, 'object', value));
    return value;
  }
  switch (schema.type) {
    case 'array':
      return list(schema, value, path, state);
    case 'string':
      return text(schema, value, path, state);
    case 'integer':
    case 'number':
      return number(schema, value, path, state);
    case 'boolean':
      if (typeof value !== 'boolean') note(state, cause.typeInvalid(path, 'boolean', value));
      return value;
    default:
      return object(schema, value, path, state, inList);
  }
}

function object(schema: Schema, value: unknown, path: string, state: State, inList: boolean): unknown {
  if (!isRecord(value)) {
    note(state, cause.typeInvalid(path, 'object', value));
    return value;
  }
  const result: JsonRecord = {};
  for (const [key, field] of Object.entries(value)) {
    const child = schema.properties?.[key] ?? schema.additionalProperties;
    const childPath = join(path, key);
    if (typeof child !== 'object') state.unknownFields.push(childPath);
    // As in Kubernetes' own kinds, null is the same as absent.
    else if (field !== null) result[key] = node(child, field, childPath, state, inList);
  }
  if (!inList && schema.properties !== undefined) addDefaults(schema.properties, result);
  for (const key of schema.required ?? []) {
    if (!Object.hasOwn(result, key)) note(state, cause.required(join(path, key)));
  }
  if (schema.maxProperties !== undefined && Object.keys(result).length > schema.maxProperties) {
    note(state, cause.tooMany(path, Object.keys(result).length, schema.maxProperties));
  }
  return result;
}

function addDefaults(properties: Readonly<Record<string, Schema>>, result: JsonRecord): void {
  for (const [key, child] of Object.entries(properties)) {
    if (child.default !== undefined && !Object.hasOwn(result, key)) result[key] = child.default;
  }
}

function list(schema: Schema, value: unknown, path: string, state: State): unknown {
  if (!Array.isArray(value)) {
    note(state, cause.typeInvalid(path, 'array', value));
    return value;
  }
  const count = value.length;
  if (schema.maxItems !== undefined && count > schema.maxItems) {
    note(state, cause.tooMany(path, count, schema.maxItems));
  }
  if (schema.minItems !== undefined && count < schema.minItems) {
    note(state, cause.invalid(path, count, `${path} in body should have at least ${schema.minItems} items`));
  }
  const items = schema.items ?? {};
  const result = value.map((item: unknown, index) => node(items, item, `${path}[${index}]`, state, true));
  noteDuplicates(schema, result, path, state);
  return result;
}

function noteDuplicates(schema: Schema, items: readonly unknown[], path: string, state: State): void {
  const type = schema['x-kubernetes-list-type'];
  if (type !== 'set' && type !== 'map') return;
  const seen = new Set<string>();
  for (const [index, item] of items.entries()) {
    const key = type === 'set' ? item : keyOf(item, schema['x-kubernetes-list-map-keys'] ?? []);
    const id = JSON.stringify(key) ?? '';
    if (seen.has(id)) note(state, cause.duplicate(`${path}[${index}]`, key));
    seen.add(id);
  }
}

function keyOf(item: unknown, keys: readonly string[]): JsonRecord {
  const result: JsonRecord = {};
  if (isRecord(item)) for (const key of keys) result[key] = item[key];
  return result;
}

function text(schema: Schema, value: unknown, path: string, state: State): unknown {
  if (typeof value !== 'string') {
    note(state, cause.typeInvalid(path, 'string', value));
    return value;
  }
  if (schema.enum !== undefined && !schema.enum.includes(value)) {
    note(state, cause.notSupported(path, value, schema.enum));
  }
  if (schema.maxLength !== undefined && value.length > schema.maxLength) {
    note(state, cause.tooLong(path, schema.maxLength));
  } else if (schema.pattern !== undefined && !patternOf(schema.pattern).test(value)) {
    note(state, cause.invalid(path, value, `${path} in body should match '${schema.pattern}'`));
  }
  if (schema.minLength !== undefined && value.length < schema.minLength) {
    note(state, cause.invalid(path, value, `${path} in body should be at least ${schema.minLength} chars long`));
  }
  if (schema.format === 'date-time' && !isTime(value)) {
    note(state, cause.invalid(path, value, `${path} in body must be of type date-time: "${value.slice(0, 64)}"`));
  }
  if (schema.format === 'byte' && !isBase64(value)) {
    note(state, cause.invalid(path, value.slice(0, 16), `${path} in body must be of type byte: it is not base64`));
  }
  return value;
}

function number(schema: Schema, value: unknown, path: string, state: State): unknown {
  if (typeof value !== 'number' || (schema.type === 'integer' && !Number.isInteger(value))) {
    note(state, cause.typeInvalid(path, schema.type === 'integer' ? 'integer' : 'number', value));
    return value;
  }
  if (schema.minimum !== undefined && value < schema.minimum) {
    note(state, cause.invalid(path, value, `${path} in body should be greater than or equal to ${schema.minimum}`));
  }
  if (schema.maximum !== undefined && value > schema.maximum) {
    note(state, cause.invalid(path, value, `${path} in body should be less than or equal to ${schema.maximum}`));
  }
  const bound = schema.format === 'int32' ? 2 ** 31 : Number.MAX_SAFE_INTEGER;
  if (schema.type === 'integer' && Math.abs(value) > bound) {
    note(state, cause.invalid(path, value, `${path} in body must be of type ${schema.format ?? 'int64'}`));
  }
  return value;
}

function quantity(value: unknown, path: string, state: State): unknown {
  if (typeof value !== 'string' && typeof value !== 'number') {
    note(state, cause.typeInvalid(path, 'integer or string', value));
    return value;
  }
  try {
    quantityUnits(value);
  } catch (error) {
    if (!(error instanceof QuantityError)) throw error;
    note(state, cause.invalid(path, value, error.message));
  }
  return value;
}

/** One compiled expression a pattern; the patterns of built-in schemas are few. */
const patterns = new Map<string, RegExp>();

function patternOf(source: string): RegExp {
  let pattern = patterns.get(source);
  if (pattern === undefined) {
    pattern = new RegExp(source);
    patterns.set(source, pattern);
  }
  return pattern;
}

const time = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/i;

function isTime(value: string): boolean {
  return time.test(value) && !Number.isNaN(Date.parse(value));
}

// Compared by length, not decoded and encoded again: a secret may be a megabyte.
function isBase64(value: string): boolean {
  return value.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(value);
}

function join(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`;
}
