// JSONPath as printer columns use it (https://kubernetes.io/docs/reference/kubectl/jsonpath/): fields, `*`, indices, slices,
// unions, filters and `..`; what does not exist is nothing, and no error.
import { isRecord } from '../json.ts';

/** All values at a path, in order. Errors: JsonPathError. */
export function jsonPathAll(object: unknown, path: string): readonly unknown[] {
  let here: readonly unknown[] = [object];
  for (const step of stepsOf(path)) here = here.flatMap(step);
  return here;
}

/** The first value at a path, or undefined. Errors: JsonPathError. */
export function jsonPath(object: unknown, path: string): unknown {
  return jsonPathAll(object, path)[0];
}

/** Why `path` cannot be read, or undefined. */
export function pathProblem(path: string): string | undefined {
  try {
    parse(path);
    return undefined;
  } catch (error) {
    if (error instanceof JsonPathError) return error.message;
    throw error;
  }
}

/** A path that cannot be read. */
export class JsonPathError extends Error {
  override readonly name = 'JsonPathError';
}

type Step = (value: unknown) => readonly unknown[];

/** Parsed paths; forgotten all at once when there are so many, since users define them. */
const parsedMax = 4_096;
const parsed = new Map<string, readonly Step[]>();

function stepsOf(path: string): readonly Step[] {
  let steps = parsed.get(path);
  if (steps === undefined) {
    steps = parse(path);
    if (parsed.size >= parsedMax) parsed.clear();
    parsed.set(path, steps);
  }
  return steps;
}

const fieldPattern = /(\.\.?)(\*|(?:\\.|[\w$-])+)/y;
const bracketPattern =
  /(\.\.)?\[((?:'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|\?\((?:'[^']*'|"[^"]*"|[^'"])*?\)|[^\]'"?])*)\]/y;

function parse(path: string): Step[] {
  const steps: Step[] = [];
  let at = path.startsWith('$') || path.startsWith('@') ? 1 : 0;
  while (at < path.length) {
    fieldPattern.lastIndex = at;
    bracketPattern.lastIndex = at;
    const field = fieldPattern.exec(path);
    const bracket = field === null ? bracketPattern.exec(path) : null;
    const match = field ?? bracket;
    if (match === null) {
      if (path.slice(at) === '.' && at === 0) break;
      throw new JsonPathError(`unrecognized character in action at ${at}: ${path.slice(at, at + 16)}`);
    }
    if (match[1] === '..') steps.push(descendants);
    steps.push(field === null ? bracketStep(bracket?.[2] ?? '', path) : fieldStep(field[2] ?? ''));
    at += match[0].length;
  }
  return steps;
}

function fieldStep(text: string): Step {
  return text === '*' ? children : named(text.replace(/\\(.)/g, '$1'));
}

function bracketStep(text: string, path: string): Step {
  const inner = text.trim();
  if (inner === '*') return children;
  const filter = /^\?\((.*)\)$/s.exec(inner);
  if (filter !== null) return filterStep(filter[1] ?? '', path);
  const range = /^(-?\d+)?:(-?\d+)?(?::(-?\d+)?)?$/.exec(inner);
  if (range !== null)
    return sliceStep(range.slice(1, 4).map((part) => (part === undefined ? undefined : Number(part))));
  const steps = (inner.match(/'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|[^,]+/g) ?? []).map((part) =>
    oneOf(part.trim(), path),
  );
  if (steps.length === 0) throw new JsonPathError(`unterminated or empty array in ${path}`);
  return (value) => steps.flatMap((step) => step(value));
}

function oneOf(text: string, path: string): Step {
  if (/^-?\d+$/.test(text)) return (value) => (Array.isArray(value) ? someOf(value.at(Number(text))) : []);
  const quoted = /^(['"])(.*)\1$/s.exec(text);
  if (quoted === null) throw new JsonPathError(`invalid array index ${text} in ${path}`);
  return named((quoted[2] ?? '').replace(/\\(.)/g, '$1'));
}

function named(name: string): Step {
  return (value) => (isRecord(value) && Object.hasOwn(value, name) ? [value[name]] : []);
}

function someOf(value: unknown): readonly unknown[] {
  return value === undefined ? [] : [value];
}

function children(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  return isRecord(value) ? Object.values(value) : [];
}

function descendants(value: unknown): readonly unknown[] {
  return [value, ...children(value).flatMap(descendants)];
}

function sliceStep([from, to, by = 1]: readonly (number | undefined)[]): Step {
  return (value) => {
    const items: readonly unknown[] = Array.isArray(value) ? value : [];
    return items.slice(from, to).filter((_item, index) => index % Math.max(1, by) === 0);
  };
}

type Compare = (a: string | number | boolean, b: string | number | boolean) => boolean;

const compares: Readonly<Record<string, Compare>> = {
  '==': (a, b) => a === b,
  '!=': (a, b) => a !== b,
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
};

function filterStep(text: string, path: string): Step {
  const match = /^\s*(@(?:[^'"=!<>\s]|'[^']*'|"[^"]*")*)\s*(?:(==|!=|<=|>=|<|>)\s*(.+?))?\s*$/s.exec(text);
  if (match === null) throw new JsonPathError(`unrecognized filter ${text} in ${path}`);
  const [, left = '', operator, right = ''] = match;
  const steps = parse(left);
  const valueAt = (item: unknown) => steps.reduce<readonly unknown[]>((here, step) => here.flatMap(step), [item])[0];
  if (operator === undefined) return (value) => children(value).filter((item) => valueAt(item) !== undefined);
  const wanted = literal(right, path);
  const compare = compares[operator];
  return (value) =>
    children(value).filter((item) => {
      const found = valueAt(item);
      if (typeof found !== typeof wanted || compare === undefined) return false;
      return (
        (typeof found === 'string' || typeof found === 'number' || typeof found === 'boolean') && compare(found, wanted)
      );
    });
}

function literal(text: string, path: string): string | number | boolean {
  const quoted = /^(['"])(.*)\1$/s.exec(text);
  if (quoted !== null) return (quoted[2] ?? '').replace(/\\(.)/g, '$1');
  if (text === 'true' || text === 'false') return text === 'true';
  if (/^-?\d+(\.\d+)?$/.test(text)) return Number(text);
  throw new JsonPathError(`unrecognized value ${text} in ${path}`);
}
