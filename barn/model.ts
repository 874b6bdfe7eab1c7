// The Barn as its door describes it, as slowly and plainly as possible: a function from state to state, and a whole copy of the
// keys for every revision. Test support: the property tests hold the twins against it, the simulator its histories.
import { present } from '../base/index.ts';
import {
  BarnError,
  type BarnEvent,
  type Compare,
  type Key,
  type KeyValue,
  type Operation,
  type RangeOptions,
  type RangeResult,
  type Revision,
  type TxnResult,
  type WatchBatch,
} from './barn.ts';

/** All keys at one revision. */
export interface ModelState {
  readonly revision: Revision;
  readonly keys: ReadonlyMap<Key, KeyValue>;
}

/** The state of a store that nobody wrote to. */
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
    if (operation.do === 'put') {
      const createRevision = prev?.createRevision ?? revision;
      const version = (prev?.version ?? 0) + 1;
      const kv = { key, value: operation.value, createRevision, modRevision: revision, version };
      keys.set(key, kv);
      results.push(kv);
      events.push({ type: 'put', kv, ...(prev === undefined ? {} : { prev }) });
      continue;
    }
    results.push(prev);
    if (operation.do === 'get' || prev === undefined) continue;
    keys.delete(key);
    const kv = { key, value: new Uint8Array(0), createRevision: 0, modRevision: revision, version: 0 };
    events.push({ type: 'delete', kv, prev });
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

/** Whether a key is the one, or in the range. */
export function isWithin(key: Key, start: Key, end: Key | undefined): boolean {
  return end === undefined ? key === start : start <= key && key < end;
}

/** The model: as Barn, but at once, and with all that a watch has to tell as a list. */
export class ModelBarn {
  readonly #states = [emptyState];
  readonly #batches: WatchBatch[] = [{ revision: 0, events: [] }];
  compactRevision: Revision = 0;

  get revision(): Revision {
    return this.#states.length - 1;
  }

  txn(compares: readonly Compare[], success: readonly Operation[], failure: readonly Operation[]): TxnResult {
    for (const operations of [success, failure]) {
      const written = operations.filter((operation) => operation.do !== 'get').map(({ key }) => key);
      if (new Set(written).size < written.length) throw new BarnError('DuplicateKey', 'model');
    }
    const { state, result, events } = modelTxn(this.#state(this.revision), { compares, success, failure });
    if (events.length > 0) {
      this.#states.push(state);
      this.#batches.push({ revision: state.revision, events });
    }
    return result;
  }

  range(start: Key, end: Key | undefined, options: RangeOptions): RangeResult {
    const { revision = 0, limit = 0, keysOnly = false } = options;
    if (revision > this.revision) throw new BarnError('FutureRevision', 'model');
    if (revision > 0 && revision < this.compactRevision) throw new BarnError('Compacted', 'model');
    const found = modelRange(this.#state(revision === 0 ? this.revision : revision), start, end);
    const cut = limit === 0 ? found : found.slice(0, limit);
    return {
      revision: this.revision,
      items: keysOnly ? cut.map((kv) => ({ ...kv, value: new Uint8Array(0) })) : cut,
      more: cut.length < found.length,
      count: found.length,
    };
  }

  /** All that a watch from `fromRevision` (not 0) has to tell until now. */
  batches(start: Key, end: Key | undefined, fromRevision: Revision, prevValue: boolean): readonly WatchBatch[] {
    return this.#batches
      .slice(fromRevision)
      .map(({ revision, events }) => ({
        revision,
        events: events
          .filter(({ kv }) => isWithin(kv.key, start, end))
          .map((event) => (prevValue ? event : { type: event.type, kv: event.kv })),
      }))
      .filter(({ events }) => events.length > 0);
  }

  compact(revision: Revision): void {
    if (revision > this.revision) throw new BarnError('FutureRevision', 'model');
    this.compactRevision = Math.max(this.compactRevision, revision);
  }

  #state(revision: Revision): ModelState {
    return present(this.#states[revision], `revision ${revision}`);
  }
}

function holds(compare: Compare, kv: KeyValue | undefined): boolean {
  if (compare.target === 'value')
    return kv !== undefined && (Buffer.compare(kv.value, compare.value) === 0) === (compare.op === '=');
  const numbers = { version: kv?.version, create: kv?.createRevision, mod: kv?.modRevision };
  const difference = (numbers[compare.target] ?? 0) - compare.number;
  return { '=': difference === 0, '!=': difference !== 0, '<': difference < 0, '>': difference > 0 }[compare.op];
}
