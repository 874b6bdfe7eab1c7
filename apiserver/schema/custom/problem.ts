// Problems of a value by its schema, in the words that Kubernetes' OpenAPI validation says and its API server passes on.
import type { StatusCause } from '../../../apis/index.ts';
import { shownValue } from './shown.ts';

/** A cause, and whether it keeps rules in CEL from being looked at: they would meet values that have no such type. */
export interface Problem extends StatusCause {
  readonly blocks: boolean;
}

/** A cause of any reason. */
export function problem(reason: string, field: string, message: string, blocks = false): Problem {
  return { reason, message, field, blocks };
}

/** `Invalid value: VALUE: path in body WORDS`. */
export function invalid(path: string, value: unknown, words: string): Problem {
  return invalidAt(fieldOf(path), value, `${path} in body ${words}`);
}

/** `Invalid value: VALUE: detail`. */
export function invalidAt(field: string, value: unknown, detail: string): Problem {
  return problem('FieldValueInvalid', field, `Invalid value: ${shownValue(value)}: ${detail}`);
}

/** A value of the wrong type or format: `found` is what the message names, a type's name or the text itself. */
export function wrongType(path: string, wanted: string, found: string): Problem {
  const shown = JSON.stringify(found);
  const detail = `${path} in body must be of type ${wanted}: ${shown}`;
  return problem('FieldValueInvalid', fieldOf(path), `Invalid value: ${shownValue(found)}: ${detail}`, true);
}

/** `Required value`. */
export function required(path: string): Problem {
  return problem('FieldValueRequired', fieldOf(path), 'Required value', true);
}

/** Something about alternatives; Kubernetes knows no field for it. */
export function general(words: string): Problem {
  return problem('FieldValueInvalid', '<nil>', `Invalid value: "": ${words}`);
}

/** A value that is none of those listed. */
export function notSupported(path: string, value: unknown, supported: readonly unknown[]): Problem {
  const list = supported.map((item) => (typeof item === 'string' ? JSON.stringify(item) : `"${JSON.stringify(item)}"`));
  const message = `Unsupported value: ${shownValue(value)}: supported values: ${list.join(', ')}`;
  return problem('FieldValueNotSupported', fieldOf(path), message, true);
}

/** A text that is too long, in characters though the message says bytes: Kubernetes does that. */
export function tooLong(path: string, max: number): Problem {
  return problem('FieldValueTooLong', fieldOf(path), `Too long: may not be more than ${max} bytes`, true);
}

/** Too many items or fields. */
export function tooMany(path: string, count: number, max: number): Problem {
  const message = `Too many: ${count}: must have at most ${max} items`;
  return problem('FieldValueTooMany', fieldOf(path), message, true);
}

/** An item that stands twice in a set or a map list. */
export function duplicate(field: string, value: unknown): Problem {
  return problem('FieldValueDuplicate', field, `Duplicate value: ${shownValue(value)}`);
}

// The root's path is empty, so that a field of it begins with a dot in messages but not as the name of the field.
function fieldOf(path: string): string {
  if (path === '') return '<nil>';
  return path.startsWith('.') ? path.slice(1) : path;
}
