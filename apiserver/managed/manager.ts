// Under which name a client's writes are told of.
import type { StatusCause } from '../../apis/index.ts';
import { textOf } from '../json.ts';
import * as cause from '../schema/causes.ts';
import type { ManagedFields } from './update.ts';

const nameBytesMax = 128;
const subresourceBytesMax = 256;
const unknownManager = 'unknown';
// What Go calls printable: letters, marks, numbers, punctuation, symbols and the space.
const printable = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u;

/** The manager that a client names, or what its User-Agent begins with. */
export function managerOf(given: string, userAgent: string | undefined): string {
  if (given !== '') return given;
  let name = '';
  let bytes = 0;
  for (const character of (userAgent ?? '').split('/')[0] ?? '') {
    if (!printable.test(character)) continue;
    bytes += Buffer.byteLength(character);
    if (bytes > nameBytesMax) break;
    name += character;
  }
  return name === '' ? unknownManager : name;
}

/** What is wrong with a manager that a client names in a field. */
export function managerProblems(given: string, field = 'fieldManager'): StatusCause[] {
  const problems: StatusCause[] = [];
  if (Buffer.byteLength(given) > nameBytesMax) problems.push(cause.tooLong(field, nameBytesMax));
  let at = 0;
  for (const character of given) {
    if (!printable.test(character)) {
      problems.push(cause.invalid(field, given, `invalid character ${codeText(character)} (at position ${at})`));
    }
    at += Buffer.byteLength(character);
  }
  return problems;
}

/** What is wrong with the names in managedFields that a client sent. */
export function ownerProblems(managedFields: ManagedFields): StatusCause[] {
  return (managedFields ?? []).flatMap(({ manager, subresource }, index) => {
    const field = `metadata.managedFields[${index}]`;
    const problems = managerProblems(textOf(manager) ?? '', `${field}.manager`);
    const isLong = Buffer.byteLength(textOf(subresource) ?? '') > subresourceBytesMax;
    return isLong ? [...problems, cause.tooLong(`${field}.subresource`, subresourceBytesMax)] : problems;
  });
}

// As Go's %#U, which shows only what can be shown.
function codeText(character: string): string {
  return `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`;
}
