// The model that histories are held against, and how what was seen is compared with it and told.
import type { KeyValue } from '../../barn/index.ts';

export { emptyState, isWithin, type ModelState, modelRange, modelTxn } from '../../barn/model.ts';

/** Whether two say the same of a key. */
export function sameKeyValue(a: KeyValue | undefined, b: KeyValue | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return (
    a.key === b.key &&
    a.createRevision === b.createRevision &&
    a.modRevision === b.modRevision &&
    a.version === b.version &&
    Buffer.compare(a.value, b.value) === 0
  );
}

export function sameKeyValues(a: readonly (KeyValue | undefined)[], b: readonly (KeyValue | undefined)[]): boolean {
  return a.length === b.length && a.every((one, index) => sameKeyValue(one, b[index]));
}

/** For reports. */
export function tellKeyValue(kv: KeyValue | undefined): string {
  if (kv === undefined) return 'nothing';
  return `${kv.key}=${Buffer.from(kv.value).toString('latin1')}@${kv.modRevision}(v${kv.version}, since ${kv.createRevision})`;
}
