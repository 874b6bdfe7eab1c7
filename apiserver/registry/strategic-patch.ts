// Strategic merge patch, for Kubernetes' own kinds only (kubectl sends it for every kind in its scheme). Lists that the
// schema calls a map or a set are merged by key, others replaced; directives as in
// https://github.com/kubernetes/community/blob/master/contributors/devel/sig-api-machinery/strategic-merge-patch.md.
import { ApiError, type Schema } from '../../apis/index.ts';
import { arrayOf, isRecord, type JsonRecord, jsonEqual, textOf } from '../json.ts';

const deleteFromList = '$deleteFromPrimitiveList/';
const elementOrder = '$setElementOrder/';

/** `target` with `patch` merged in by `schema`. Neither is changed. Errors: BadRequest (a directive that makes no sense). */
export function strategicPatch(schema: Schema | undefined, target: unknown, patch: unknown): unknown {
  if (!isRecord(patch)) return patch;
  const directive = textOf(patch.$patch);
  if (directive === 'replace') return withoutDirectives(patch);
  if (directive === 'delete') return {};
  if (directive !== undefined && directive !== 'merge') {
    throw new ApiError('BadRequest', `unknown patch type found: ${directive}`);
  }
  const result: JsonRecord = isRecord(target) ? { ...target } : {};
  const retained = retainedKeys(patch);
  for (const [key, value] of Object.entries(patch)) {
    if (key === '$patch' || key === '$retainKeys' || key.startsWith(elementOrder)) continue;
    if (key.startsWith(deleteFromList)) {
      const name = key.slice(deleteFromList.length);
      const gone = arrayOf(value);
      result[name] = arrayOf(result[name]).filter((item) => !gone.some((other) => jsonEqual(item, other)));
    } else if (value === null) delete result[key];
    else result[key] = mergeField(fieldOf(schema, key), result[key], value);
  }
  for (const [key, value] of Object.entries(patch)) {
    if (!key.startsWith(elementOrder)) continue;
    const name = key.slice(elementOrder.length);
    const list = fieldOf(schema, name);
    checkOrder(list, arrayOf(patch[name]), arrayOf(value));
    // What is not there is not ordered, and does not become an empty list.
    if (!Array.isArray(result[name])) continue;
    const before = isRecord(target) ? arrayOf(target[name]) : [];
    result[name] = ordered(list, arrayOf(result[name]), arrayOf(value), before);
  }
  if (retained !== undefined) for (const key of Object.keys(result)) if (!retained.has(key)) delete result[key];
  return result;
}

function mergeField(schema: Schema | undefined, target: unknown, patch: unknown): unknown {
  if (!Array.isArray(patch)) return strategicPatch(schema, target, patch);
  const type = schema?.['x-kubernetes-list-type'];
  if (type === 'set') {
    const kept = [...arrayOf(target)];
    for (const item of patch) if (!kept.some((other) => jsonEqual(item, other))) kept.push(item);
    return kept;
  }
  return type === 'map' ? mergeByKey(schema, arrayOf(target), patch) : patch.map(withoutDirectives);
}

function mergeByKey(schema: Schema | undefined, target: readonly unknown[], patch: readonly unknown[]): unknown[] {
  const keys = schema?.['x-kubernetes-list-map-keys'] ?? [];
  const isReplaced = patch.some((item) => isRecord(item) && item.$patch === 'replace');
  let result = isReplaced ? [] : [...target];
  for (const item of patch) {
    if (!isRecord(item) || item.$patch === 'replace') continue;
    const missing = keys.find((key) => item[key] === undefined);
    if (missing !== undefined) {
      throw new ApiError('BadRequest', `map: ${JSON.stringify(item)} does not contain declared merge key: ${missing}`);
    }
    const isSame = (other: unknown) => isRecord(other) && isSameItem(schema, other, item);
    if (item.$patch === 'merge') {
      throw new ApiError('BadRequest', 'merging lists cannot yet be specified in the patch');
    }
    if (item.$patch !== undefined && item.$patch !== 'delete') {
      throw new ApiError('BadRequest', `unknown patch type found: ${textOf(item.$patch) ?? 'no text'}`);
    }
    if (item.$patch === 'delete') {
      result = result.filter((other) => !isSame(other));
      continue;
    }
    const at = result.findIndex(isSame);
    if (at < 0) result.push(withoutDirectives(item));
    else result[at] = strategicPatch(schema?.items, result[at], item);
  }
  return result;
}

// What the order names comes in that order. The others keep theirs, and each stands before the first one of the ordered that
// it stood before until now.
function ordered(
  schema: Schema | undefined,
  items: readonly unknown[],
  order: readonly unknown[],
  before: readonly unknown[],
): unknown[] {
  const rank = (list: readonly unknown[], item: unknown) => list.findIndex((other) => isSameItem(schema, other, item));
  const byRank = (list: readonly unknown[]) => (a: unknown, b: unknown) => rank(list, a) - rank(list, b);
  const named = items.filter((item) => rank(order, item) >= 0).sort(byRank(order));
  const others = items.filter((item) => rank(order, item) < 0).sort(byRank(before));
  const result: unknown[] = [];
  for (const item of named) {
    const place = rank(before, item);
    while (others.length > 0 && place >= 0) {
      const theirs = rank(before, others[0]);
      if (theirs < 0 || theirs > place) break;
      result.push(others.shift());
    }
    result.push(item);
  }
  return [...result, ...others];
}

function isSameItem(schema: Schema | undefined, a: unknown, b: unknown): boolean {
  const keys = schema?.['x-kubernetes-list-map-keys'] ?? [];
  if (keys.length === 0 || !isRecord(a) || !isRecord(b)) return jsonEqual(a, b);
  return keys.every((key) => jsonEqual(a[key], b[key]));
}

// An item that the order forgets has no place.
function checkOrder(schema: Schema | undefined, items: readonly unknown[], order: readonly unknown[]): void {
  const isListed = (item: unknown) =>
    (isRecord(item) && item.$patch !== undefined) || order.some((other) => isSameItem(schema, other, item));
  if (items.every(isListed)) return;
  throw new ApiError(
    'BadRequest',
    `The order in patch list:\n${JSON.stringify(items)}\n doesn't match $setElementOrder list:\n${JSON.stringify(order)}\n`,
  );
}

// The keys that stay; a patch may not bring others.
function retainedKeys(patch: JsonRecord): ReadonlySet<unknown> | undefined {
  const { $retainKeys: given } = patch;
  if (given === undefined) return undefined;
  const keys = new Set(arrayOf(given));
  const isKept = (key: string) => key.startsWith('$') || patch[key] === null || keys.has(key);
  if (Array.isArray(given) && Object.keys(patch).every(isKept)) return keys;
  throw new ApiError('BadRequest', 'invalid patch format of retainKeys');
}

function fieldOf(schema: Schema | undefined, key: string): Schema | undefined {
  const child = schema?.properties?.[key] ?? schema?.additionalProperties;
  return typeof child === 'object' ? child : undefined;
}

function withoutDirectives(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutDirectives);
  if (!isRecord(value)) return value;
  const result: JsonRecord = {};
  for (const [key, field] of Object.entries(value)) {
    if (!key.startsWith('$') && field !== null) result[key] = withoutDirectives(field);
  }
  return result;
}
