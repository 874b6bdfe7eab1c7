// kubectl's client-side apply for kinds without strategic merge: a three-way JSON merge patch between what was applied
// last (kept in an annotation), what shall be and what is. kubectl and runictl can take turns.
import type { Unstructured } from '../apis/index.ts';
import { sortKeys } from './print/object.ts';
import { isRecord } from './values.ts';

/** Where kubectl and runictl keep what was last applied. */
export const lastAppliedAnnotation = 'kubectl.kubernetes.io/last-applied-configuration';

/** The object with the annotation that records it, as kubectl writes it. */
export function withLastApplied(object: Unstructured): Unstructured {
  const { [lastAppliedAnnotation]: _, ...annotations } = object.metadata.annotations ?? {};
  const plain = { ...object, metadata: { ...object.metadata, annotations } };
  const text = `${JSON.stringify(sortKeys(plain))}\n`;
  return { ...plain, metadata: { ...plain.metadata, annotations: { ...annotations, [lastAppliedAnnotation]: text } } };
}

/** What was applied last, or undefined if nothing was, or unreadable. */
export function lastApplied(live: Unstructured): unknown {
  const text = live.metadata.annotations?.[lastAppliedAnnotation];
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * RFC 7386 patch that takes `live` to `wanted`: adds and changes what differs, deletes what was applied last and is no
 * longer wanted, and leaves the fields of others alone. `{}` when there is nothing to do.
 */
export function threeWayPatch(original: unknown, wanted: unknown, live: unknown): Readonly<Record<string, unknown>> {
  return mergePatches(additions(live, wanted), deletions(original, wanted));
}

function additions(live: unknown, wanted: unknown): Record<string, unknown> {
  const patch: Record<string, unknown> = {};
  if (!isRecord(wanted)) return patch;
  for (const [key, value] of Object.entries(wanted)) {
    if (value === undefined || value === null) continue;
    const current = isRecord(live) && Object.hasOwn(live, key) ? live[key] : undefined;
    if (isRecord(value) && isRecord(current)) {
      const inner = additions(current, value);
      if (Object.keys(inner).length > 0) patch[key] = inner;
    } else if (!isEqual(value, current)) patch[key] = value;
  }
  return patch;
}

function deletions(original: unknown, wanted: unknown): Record<string, unknown> {
  const patch: Record<string, unknown> = {};
  if (!isRecord(original)) return patch;
  for (const [key, value] of Object.entries(original)) {
    const next = isRecord(wanted) && Object.hasOwn(wanted, key) ? wanted[key] : undefined;
    if (next === undefined || next === null) patch[key] = null;
    else if (isRecord(value) && isRecord(next)) {
      const inner = deletions(value, next);
      if (Object.keys(inner).length > 0) patch[key] = inner;
    }
  }
  return patch;
}

function mergePatches(a: Record<string, unknown>, b: Record<string, unknown>): Record<string, unknown> {
  const merged = { ...a };
  for (const [key, value] of Object.entries(b)) {
    const other = merged[key];
    merged[key] = isRecord(value) && isRecord(other) ? mergePatches({ ...other }, { ...value }) : (other ?? value);
  }
  return merged;
}

/** Whether two JSON values are equal, whatever the order of keys. */
export function isEqual(a: unknown, b: unknown): boolean {
  return JSON.stringify(sortKeys(a)) === JSON.stringify(sortKeys(b));
}
