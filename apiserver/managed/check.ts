// Whether an applied configuration fits its schema well enough to own fields. Its values are judged later, merged into what
// is live; here only what would make ownership unclear is refused. In the words of structured-merge-diff.
import type { Schema } from '../../apis/index.ts';
import { isRecord } from '../json.ts';
import { elementText } from './path-element.ts';
import { allowsOthers, fieldSchema, isNamed, itemElement } from './shape.ts';

const problemsMax = 20;

/** What is wrong, in one text; undefined when nothing is. */
export function configurationProblem(schema: Schema | undefined, value: unknown): string | undefined {
  const problems: string[] = [];
  look(schema, value, '', problems);
  const [first] = problems;
  if (problems.length <= 1) return first;
  return ['errors:', ...problems.map((problem) => `  ${problem}`)].join('\n');
}

function look(schema: Schema | undefined, value: unknown, path: string, problems: string[]): void {
  if (schema === undefined || value === null || problems.length >= problemsMax) return;
  if (schema['x-kubernetes-int-or-string'] === true) return scalar('any scalar', schema, value, path, problems);
  switch (schema.type) {
    case 'array':
      return list(schema, value, path, problems);
    case 'string':
      return scalar('string', schema, value, path, problems);
    case 'integer':
    case 'number':
      return scalar('numeric (int or float)', schema, value, path, problems);
    case 'boolean':
      return scalar('boolean', schema, value, path, problems);
    case 'object':
      return map(schema, value, path, problems);
    default:
      // Whatever it is, it may be.
      if (isRecord(value)) map(schema, value, path, problems);
  }
}

function map(schema: Schema, value: unknown, path: string, problems: string[]): void {
  if (!isRecord(value)) {
    problems.push(at(path, `expected map, got ${shown(value)}`));
    return;
  }
  for (const key of Object.keys(value)) {
    const below = `${path}.${key}`;
    if (!isNamed(schema, key) && !allowsOthers(schema)) problems.push(at(below, 'field not declared in schema'));
    else look(fieldSchema(schema, key), value[key], below, problems);
  }
}

function list(schema: Schema, value: unknown, path: string, problems: string[]): void {
  if (!Array.isArray(value)) {
    problems.push(at(path, `expected list, got ${shown(value)}`));
    return;
  }
  const type = schema['x-kubernetes-list-type'];
  const seen = new Set<string>();
  for (const [index, item] of value.entries()) {
    if (type !== 'map' && type !== 'set') {
      look(schema.items, item, `${path}[${index}]`, problems);
      continue;
    }
    const element = itemElement(schema, item);
    if (element === undefined) {
      problems.push(at(path, `element ${index}: ${unnamed(schema, item)}`));
      return;
    }
    if (seen.has(element)) problems.push(at(path, `duplicate entries for key ${elementText(element)}`));
    seen.add(element);
    look(schema.items, item, `${path}${elementText(element)}`, problems);
  }
}

function scalar(wanted: string, schema: Schema, value: unknown, path: string, problems: string[]): void {
  const type = typeof value;
  const fits =
    schema['x-kubernetes-int-or-string'] === true
      ? type !== 'object'
      : schema.type === 'integer' || schema.type === 'number'
        ? type === 'number'
        : type === schema.type;
  if (!fits) problems.push(at(path, `expected ${wanted}, got ${shown(value)}`));
}

function unnamed(schema: Schema, item: unknown): string {
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  if (schema['x-kubernetes-list-type'] === 'map') {
    if (item === null) return 'associative list with keys may not have a null element';
    if (!isRecord(item)) return 'associative list with keys may not have non-map elements';
    const list = keys.map((key) => JSON.stringify(key)).join(' ');
    return `associative list with keys has an element that omits all key fields [${list}] (and doesn't have default values for any key fields)`;
  }
  if (item === null) return "associative list without keys has an element that's an explicit null";
  return Array.isArray(item)
    ? 'not supported: associative list with lists as elements'
    : "associative list without keys has an element that's a map type";
}

function at(path: string, problem: string): string {
  return path === '' ? problem : `${path}: ${problem}`;
}

const shownLengthMax = 200;

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > shownLengthMax ? `${text.slice(0, shownLengthMax)}...` : text;
}
