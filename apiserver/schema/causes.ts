// What is wrong with a field, in the words of Kubernetes' field package
// (https://pkg.go.dev/k8s.io/apimachinery/pkg/util/validation/field).
import { ApiError, type StatusCause } from '../../apis/index.ts';

/** `Required value`, with a detail if there is one. */
export function required(field: string, detail = ''): StatusCause {
  return { reason: 'FieldValueRequired', message: `Required value${detail === '' ? '' : `: ${detail}`}`, field };
}

/** `Invalid value: "x": detail`. */
export function invalid(field: string, value: unknown, detail: string): StatusCause {
  return { reason: 'FieldValueInvalid', message: `Invalid value: ${shown(value)}: ${detail}`, field };
}

/** A value of the wrong type; the value itself is named by its type. */
export function typeInvalid(field: string, wanted: string, found: unknown): StatusCause {
  const type = typeName(found);
  return {
    reason: 'FieldValueTypeInvalid',
    message: `Invalid value: "${type}": ${field} in body must be of type ${wanted}: "${type}"`,
    field,
  };
}

/** `Unsupported value: "x": supported values: "a", "b"`. */
export function notSupported(field: string, value: unknown, supported: readonly unknown[]): StatusCause {
  const list = supported.map((item) => (typeof item === 'string' ? `"${item}"` : JSON.stringify(item))).join(', ');
  return {
    reason: 'FieldValueNotSupported',
    message: `Unsupported value: ${shown(value)}: supported values: ${list}`,
    field,
  };
}

/** `Duplicate value: "x"`. */
export function duplicate(field: string, value: unknown): StatusCause {
  return { reason: 'FieldValueDuplicate', message: `Duplicate value: ${shown(value)}`, field };
}

/** `Forbidden: detail`. */
export function forbidden(field: string, detail: string): StatusCause {
  return { reason: 'FieldValueForbidden', message: `Forbidden: ${detail}`, field };
}

/** `Too long: may not be more than N bytes`. */
export function tooLong(field: string, max: number): StatusCause {
  return { reason: 'FieldValueTooLong', message: `Too long: may not be more than ${max} bytes`, field };
}

/** `Too many: N: must have at most M items`. */
export function tooMany(field: string, count: number, max: number): StatusCause {
  return { reason: 'FieldValueTooMany', message: `Too many: ${count}: must have at most ${max} items`, field };
}

/** The 422 for an object: `Pipeline.runink.io "x" is invalid: [a: …, b: …]`. */
export function invalidError(
  kind: { readonly group: string; readonly kind: string },
  name: string,
  causes: readonly StatusCause[],
): ApiError {
  const full = kind.group === '' ? kind.kind : `${kind.kind}.${kind.group}`;
  const list = causes.map((cause) => `${cause.field}: ${cause.message}`);
  const text = list.length === 1 ? (list[0] ?? '') : `[${list.join(', ')}]`;
  return new ApiError('Invalid', `${full} "${name}" is invalid: ${text}`, {
    ...(name === '' ? {} : { name }),
    ...(kind.group === '' ? {} : { group: kind.group }),
    kind: kind.kind,
    causes,
  });
}

const shownLengthMax = 400;

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'null';
  return text.length > shownLengthMax ? `${text.slice(0, shownLengthMax)}...` : text;
}

function typeName(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value;
}
