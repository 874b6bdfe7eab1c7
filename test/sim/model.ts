// The store as its door describes it, as a function from state to state: what histories are held against.
import type { BarnEvent, Compare, Key, KeyValue, Operation, Revision, TxnResult } from '../../barn/index.ts';

/** All keys at one revision. */
export interface ModelState {
  readonly revision: Revision;
  readonly keys: ReadonlyMap<Key, KeyValue>;
}

export const emptyState: ModelState = { revision: 0, keys: new Map() };

/** What a transaction does to a state; without events the state stays. */
export function modelTxn(
  state: ModelState,
  request: {
    readonly compares: readonly Compare[];
    readonly success: readonly Operation[];
    readonly failure: readonly Operation[];
  },
): { readonly state: ModelState; readonly result: TxnResult; readonly events: readonly BarnEvent[] } {
  const succeeded = request.compares.every((compare) => holds(compare, state.keys.get(compare.key)));
  const revision = state.revision + 1;
  const keys = new Map(state.keys);
  const events: BarnEvent[] = [];
  const results: (KeyValue | undefined)[] = [];
  for (const operation of succeeded ? request.success : request.failure) {
    const { key } = operation;
    const prev = keys.get(key);
    const before = prev === undefined ? {} : { prev };
    if (operation.do === 'put') {
      const createRevision = prev?.createRevision ?? revision;
      const kv = {
        key,
        value: operation.value,
        createRevision,
        modRevision: revision,
        version: (prev?.version ?? 0) + 1,
      };
      keys.set(key, kv);
      results.push(kv);
      events.push({ type: 'put', kv, ...before });
    } else {
      results.push(prev);
      if (operation.do === 'get' || prev === undefined) continue;
      keys.delete(key);
      const kv = { key, value: new Uint8Array(0), createRevision: 0, modRevision: revision, version: 0 };
      events.push({ type: 'delete', kv, ...before });
    }
  }
  if (events.length === 0) return { state, result: { succeeded, revision: state.revision, results }, events };
  return { state: { revision, keys }, result: { succeeded, revision, results }, events };
}

/** The keys of a range, in order. */
export function modelRange(state: ModelState, start: Key, end: Key | undefined): readonly KeyValue[] {
  return [...state.keys.values()]
    .filter(({ key }) => isWithin(key, start, end))
    .sort((a, b) => (a.key < b.key ? -1 : 1));
}

export function isWithin(key: Key, start: Key, end: Key | undefined): boolean {
  return end === undefined ? key === start : start <= key && key < end;
}

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

function holds(compare: Compare, kv: KeyValue | undefined): boolean {
  if (compare.target === 'value')
    return kv !== undefined && (Buffer.compare(kv.value, compare.value) === 0) === (compare.op === '=');
  const found = { version: kv?.version, create: kv?.createRevision, mod: kv?.modRevision }[compare.target] ?? 0;
  switch (compare.op) {
    case '=':
      return found === compare.number;
    case '!=':
      return found !== compare.number;
    case '<':
      return found < compare.number;
    default:
      return found > compare.number;
  }
}
