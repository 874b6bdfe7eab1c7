// What the memory twin checks of an object: enough that tests on it find wrong fields, not the server's full validation.
import {
  ApiError,
  type ApiObject,
  apiVersionOf,
  type KindInfo,
  type Schema,
  type StatusCause,
  subdomainProblem,
} from '../../apis/index.ts';
import { isObject } from '../json.ts';

/** Throws BadRequest for unknown fields, Invalid for the rest. */
export function validate(kind: KindInfo, object: ApiObject): void {
  const { apiVersion, kind: kindName, metadata, ...body } = object as ApiObject & Readonly<Record<string, unknown>>;
  if (apiVersion !== undefined && (apiVersion !== apiVersionOf(kind) || kindName !== kind.kind))
    throw new ApiError('BadRequest', `${apiVersion} ${kindName ?? ''} was sent as ${apiVersionOf(kind)} ${kind.kind}`);
  const problem = subdomainProblem(metadata.name ?? '');
  const causes: StatusCause[] = [];
  if (problem !== undefined) causes.push(invalid('metadata.name', metadata.name, problem));
  const unknown: string[] = [];
  check({ type: 'object', properties: kind.schema.properties, required: kind.schema.required ?? [] }, body, '');
  if (unknown.length > 0)
    throw new ApiError(
      'BadRequest',
      `strict decoding error: ${unknown.map((path) => `unknown field "${path}"`).join(', ')}`,
    );
  if (causes.length > 0) throw invalidObject(kind, metadata.name ?? '', causes);

  function check(schema: Schema, value: unknown, path: string): void {
    if (value === undefined || schema['x-kubernetes-preserve-unknown-fields'] === true) return;
    if (schema['x-kubernetes-int-or-string'] === true) {
      if (typeof value !== 'string' && !Number.isInteger(value))
        causes.push(wrongType(path, value, 'integer or string'));
      return;
    }
    if (schema.type !== undefined && !hasType(value, schema.type)) {
      causes.push(wrongType(path, value, schema.type));
      return;
    }
    if (schema.enum !== undefined && (typeof value !== 'string' || !schema.enum.includes(value)))
      causes.push({
        reason: 'FieldValueNotSupported',
        field: path,
        message: `Unsupported value: ${JSON.stringify(value)}: supported values: ${schema.enum.map((one) => JSON.stringify(one)).join(', ')}`,
      });
    if (schema.items !== undefined && Array.isArray(value))
      for (const [index, item] of value.entries()) check(schema.items, item, `${path}[${index}]`);
    if (isObject(value)) checkFields(schema, value, path);
  }

  function checkFields(schema: Schema, value: Readonly<Record<string, unknown>>, path: string): void {
    for (const name of schema.required ?? [])
      if (value[name] === undefined)
        causes.push({ reason: 'FieldValueRequired', field: join(path, name), message: 'Required value' });
    for (const [name, inner] of Object.entries(value)) {
      const known = schema.properties?.[name] ?? schema.additionalProperties;
      if (typeof known === 'object') check(known, inner, join(path, name));
      else if (known !== true && inner !== undefined) unknown.push(join(path, name));
    }
  }
}

/** `Slice.runink.io "x" is invalid: …` */
export function invalidObject(kind: KindInfo, name: string, causes: readonly StatusCause[]): ApiError {
  const full = kind.group === '' ? kind.kind : `${kind.kind}.${kind.group}`;
  const text = causes.map(({ field, message }) => `${field}: ${message}`).join(', ');
  return new ApiError('Invalid', `${full} "${name}" is invalid: ${text}`, {
    name,
    group: kind.group,
    kind: kind.kind,
    causes,
  });
}

/** A value that may not be there. */
export function invalid(field: string, value: unknown, why: string): StatusCause {
  return { reason: 'FieldValueInvalid', field, message: `Invalid value: ${JSON.stringify(value)}: ${why}` };
}

const join = (path: string, name: string): string => (path === '' ? name : `${path}.${name}`);
const wrongType = (path: string, value: unknown, type: string): StatusCause =>
  invalid(path, value, `must be of type ${type}`);

function hasType(value: unknown, type: NonNullable<Schema['type']>): boolean {
  if (type === 'object') return isObject(value);
  if (type === 'array') return Array.isArray(value);
  if (type === 'integer') return Number.isInteger(value);
  return typeof value === type;
}
