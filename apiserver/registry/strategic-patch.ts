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
  const retained = Array.isArray(patch.$retainKeys) ? new Set(patch.$retainKeys) : undefined;
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
    result[name] = ordered(fieldOf(schema, name), arrayOf(result[name]), arrayOf(value));
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
    const isSame = (other: unknown) => isRecord(other) && keys.every((key) => jsonEqual(other[key], item[key]));
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

// What the order names comes in that order; the rest keeps its place behind.
function ordered(schema: Schema | undefined, items: readonly unknown[], order: readonly unknown[]): unknown[] {
  const keys = schema?.['x-kubernetes-list-map-keys'] ?? [];
  const rank = (item: unknown) => {
    const at = order.findIndex((wanted) =>
      isRecord(wanted) && isRecord(item)
        ? keys.every((key) => jsonEqual(wanted[key], item[key]))
        : jsonEqual(wanted, item),
    );
    return at < 0 ? order.length : at;
  };
  return [...items].sort((a, b) => rank(a) - rank(b));
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
