// Fields that the table of kinds says cannot change.
import type { KindInfo, StatusCause, Unstructured } from '../../apis/index.ts';
import { at, isRecord, jsonEqual } from '../json.ts';
import * as cause from '../schema/causes.ts';

/** One problem a field that changed and may not. */
export function immutableProblems(info: KindInfo, next: Unstructured, before: Unstructured): StatusCause[] {
  return info.immutable.flatMap((field) => {
    const path = firstDifference(at(next, field), at(before, field), field, new Set(info.mutable));
    return path === undefined ? [] : [cause.forbidden(path, 'field is immutable')];
  });
}

function firstDifference(a: unknown, b: unknown, path: string, mutable: ReadonlySet<string>): string | undefined {
  if (mutable.has(path) || jsonEqual(a, b)) return undefined;
  if (!isRecord(a) || !isRecord(b)) return path;
  for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
    const found = firstDifference(a[key], b[key], `${path}.${key}`, mutable);
    if (found !== undefined) return found;
  }
  return undefined;
}
