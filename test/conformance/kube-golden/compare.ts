// Our answer beside the recorded one: status, reason, details, causes, message, and the rest word by word or by its shape.
import { isDeepStrictEqual } from 'node:util';
import { parse } from 'yaml';
import { type Exchange, normalBody } from './normal.ts';

/** What of an exchange is compared beside its status and the error it tells, if it is one. */
export type Depth =
  /** Everything. */
  | 'whole'
  /** Which fields there are, of which types: of what a server says of itself. */
  | 'shape';

/** The first difference, or undefined. Statuses and reasons come first. */
export function differenceOf(recorded: Exchange, ours: Exchange, depth: Depth): string | undefined {
  if (recorded.name !== ours.name) return `${ours.name} stands where ${recorded.name} belongs`;
  const [wanted, found] = [recorded.res, ours.res];
  if (wanted.status !== found.status) return `status ${found.status} instead of ${wanted.status}: ${shown(found.body)}`;
  const [wantedType, foundType] = [typeOf(recorded), typeOf(ours)];
  if (wantedType !== foundType) return `content-type ${foundType} instead of ${wantedType}`;
  const [wantedBody, foundBody] = [bodyOf(recorded), bodyOf(ours)];
  if (depth === 'shape') return otherShape('shape', wantedBody, foundBody);
  for (const field of ['reason', 'details', 'message']) {
    const difference = isStatus(wantedBody)
      ? unequal(field, ordered(at(wantedBody, field)), ordered(at(foundBody, field)))
      : undefined;
    if (difference !== undefined) return difference;
  }
  const withoutMessage = isStatus(wantedBody) ? ['message', 'details'] : [];
  return unequal('body', without(wantedBody, withoutMessage), without(foundBody, withoutMessage));
}

/** Whether a difference is one of status or reason. */
export function isOfStatus(difference: string): boolean {
  return difference.startsWith('status ') || difference.startsWith('reason');
}

function typeOf({ res }: Exchange): string {
  return res.headers['content-type']?.replaceAll(' ', '') ?? '';
}

function bodyOf({ res }: Exchange): unknown {
  const isYaml = res.headers['content-type']?.startsWith('application/yaml') === true;
  return normalBody(isYaml && typeof res.body === 'string' ? parse(res.body) : res.body);
}

/** The first place where two values differ. */
function unequal(path: string, wanted: unknown, found: unknown): string | undefined {
  if (isDeepStrictEqual(wanted, found)) return undefined;
  if (Array.isArray(wanted) && Array.isArray(found) && wanted.length === found.length) {
    for (const [index, item] of wanted.entries()) {
      const difference = unequal(`${path}[${index}]`, item, found[index]);
      if (difference !== undefined) return difference;
    }
  }
  if (isObject(wanted) && isObject(found)) {
    for (const key of new Set([...Object.keys(wanted), ...Object.keys(found)])) {
      const difference = unequal(`${path}.${key}`, wanted[key], found[key]);
      if (difference !== undefined) return difference;
    }
  }
  return `${path} is ${shown(found)} instead of ${shown(wanted)}`;
}

/** The words of a list of errors and its causes, whose order is chance: in Kubernetes they come out of a map. */
function ordered(value: unknown): unknown {
  if (typeof value === 'string')
    return value
      .split(/, (?=\.?[a-z]+[.:])|[[\]]/)
      .toSorted()
      .join(' | ');
  const causes = at(value, 'causes');
  if (!isObject(value) || !Array.isArray(causes)) return value;
  return { ...value, causes: causes.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)) };
}

/** Where a value has another field or type. What a list has may come in any number, and there may be more of it. */
function otherShape(path: string, wanted: unknown, found: unknown): string | undefined {
  if (Array.isArray(wanted) && Array.isArray(found)) {
    const odd = wanted.find((item) => !found.some((other) => otherShape(path, item, other) === undefined));
    return odd === undefined ? undefined : `${path} has nothing of the shape of ${shown(odd)}`;
  }
  if (isObject(wanted) && isObject(found)) {
    for (const key of new Set([...Object.keys(wanted), ...Object.keys(found)])) {
      const difference = otherShape(`${path}.${key}`, wanted[key], found[key]);
      if (difference !== undefined) return difference;
    }
    return undefined;
  }
  const [one, other] = [typeName(wanted), typeName(found)];
  return one === other ? undefined : `${path} is ${other} instead of ${one}`;
}

function typeName(value: unknown): string {
  return Array.isArray(value) ? 'a list' : value === null ? 'null' : typeof value;
}

function isStatus(body: unknown): boolean {
  return at(body, 'kind') === 'Status';
}

function without(value: unknown, fields: readonly string[]): unknown {
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).filter(([key]) => !fields.includes(key)));
}

function at(value: unknown, key: string): unknown {
  return isObject(value) ? value[key] : undefined;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const shownMax = 700;

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'absent';
  return text.length > shownMax ? `${text.slice(0, shownMax)}…` : text;
}
