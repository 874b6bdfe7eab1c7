// The checks of one value by itself: type, texts, numbers, enumerations.
import { canonical } from './canonical.ts';
import { formatCheck } from './formats.ts';
import type { Node } from './node.ts';
import { general, invalid, type Problem, tooLong, wrongType } from './problem.ts';
import { shownNumber } from './shown.ts';

const int64Bound = 2 ** 63;

/** What is wrong with the type of a value, or undefined. Formats speak here too where they name types of numbers. */
export function typeProblem(node: Node, value: unknown, path: string): Problem | undefined {
  const { schema } = node;
  const types = node.isIntOrString ? ['integer', 'string'] : schema.type === undefined ? [] : [schema.type];
  if (value === null || value === undefined) {
    if (types.length === 0 || schema.nullable === true) return undefined;
    return wrongType(path, types.join(','), 'null');
  }
  const format = formatOf(node);
  if (types.length === 0 && format === '') return undefined;
  const found = typeOf(value);
  const fits = types.some((type) => type === found || (type === 'number' && found === 'integer'));
  if (fits) return undefined;
  const isText = found === 'string' || found === 'array';
  if (!isText && format !== '') return wrongType(path, format, found === 'number' ? 'float64' : foundFormat(found));
  // Of a text the format is the check, unless the schema wants a number.
  if (isText && format !== '' && !types.some((type) => type === 'number' || type === 'integer')) return undefined;
  return wrongType(path, types.join(','), found);
}

/** What is wrong with a text; of its length and pattern only the first is told. */
export function textProblems(node: Node, value: string, path: string): readonly Problem[] {
  const { schema, pattern } = node;
  const problems: Problem[] = [];
  const { maxLength, minLength } = schema;
  if (maxLength !== undefined && value.length > maxLength && lengthOf(value) > maxLength) {
    problems.push(tooLong(path, maxLength));
  } else if (minLength !== undefined && lengthOf(value) < minLength) {
    problems.push(invalid(path, value, `should be at least ${minLength} chars long`));
  } else if (pattern !== undefined && !pattern.test(value)) {
    problems.push(invalid(path, value, `should match '${schema.pattern}'`));
  }
  const format = formatOf(node);
  if (format !== '' && formatCheck(format)?.(value) === false) problems.push(wrongType(path, format, value));
  return problems;
}

/** What is wrong with a number. */
export function numberProblems(node: Node, value: number, path: string): readonly Problem[] {
  const { schema } = node;
  const problems: Problem[] = [];
  if (schema.type === 'integer' && !fitsFormat(value, formatOf(node))) {
    const format = formatOf(node);
    const words = format === '' ? '(default format)' : `with format ${format}`;
    problems.push(general(`Checked value must be of type integer ${words} in ${path}`));
  }
  const { multipleOf, maximum, minimum, exclusiveMaximum, exclusiveMinimum } = schema;
  if (multipleOf !== undefined && !isMultiple(value, multipleOf)) {
    problems.push(invalid(path, value, `should be a multiple of ${shownNumber(multipleOf)}`));
  }
  if (minimum !== undefined && (exclusiveMinimum === true ? value <= minimum : value < minimum)) {
    const words = exclusiveMinimum === true ? 'greater than' : 'greater than or equal to';
    problems.push(invalid(path, value, `should be ${words} ${shownNumber(minimum)}`));
  }
  if (maximum !== undefined && (exclusiveMaximum === true ? value >= maximum : value > maximum)) {
    const words = exclusiveMaximum === true ? 'less than' : 'less than or equal to';
    problems.push(invalid(path, value, `should be ${words} ${shownNumber(maximum)}`));
  }
  return problems;
}

/** Whether a value is listed; the order of fields in it does not matter. */
export function matchesEnum(node: Node, value: unknown): boolean {
  if (node.enumerated === undefined) return true;
  return value !== undefined && node.enumerated.has(canonical(value));
}

/** The JSON type of a value as schemas name it. */
export function typeOf(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') {
    return Number.isInteger(value) && Math.abs(value) <= int64Bound ? 'integer' : 'number';
  }
  return typeof value;
}

// A format that means nothing for the type counts as none.
function formatOf(node: Node): string {
  const { format, type } = node.schema;
  if (format === undefined) return '';
  switch (type) {
    case 'integer':
      return format === 'int32' || format === 'int64' ? format : '';
    case 'number':
      return format === 'float' || format === 'double' ? format : '';
    case 'string':
    case undefined:
      return formatCheck(format) === undefined ? '' : format;
    default:
      return '';
  }
}

function foundFormat(found: string): string {
  return found === 'integer' ? 'int64' : '';
}

function fitsFormat(value: number, format: string): boolean {
  if (format === 'int32') return value >= -(2 ** 31) && value < 2 ** 31;
  return value >= -int64Bound && value < int64Bound;
}

function isMultiple(value: number, factor: number): boolean {
  if (factor <= 0) return false;
  if (Number.isInteger(value) && Number.isInteger(factor)) return value % factor === 0;
  const times = factor < 1 ? (1 / factor) * value : value / factor;
  return Math.abs(times - Math.round(times)) < 1e-9 * Math.max(1, Math.abs(times));
}

// In characters: what is beyond the basic plane is two units of a JavaScript text.
function lengthOf(value: string): number {
  let count = 0;
  for (const _ of value) count++;
  return count;
}
