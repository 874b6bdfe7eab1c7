// The Barn as its door describes it, as slowly and plainly as possible: a whole copy of the keys for every revision.
// Test support: the property test holds the twins against it.
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

/** The model: as Barn, but at once, and with all that a watch has to tell as a list. */
export class ModelBarn {
  readonly #states: ReadonlyMap<Key, KeyValue>[] = [new Map()];
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
    const now = new Map(this.#states[this.revision]);
    const next = this.revision + 1;
    const succeeded = compares.every((compare) => holds(compare, now.get(compare.key)));
    const events: BarnEvent[] = [];
    const results: (KeyValue | undefined)[] = [];
    for (const operation of succeeded ? success : failure) {
      const { key } = operation;
      const prev = now.get(key);
      if (operation.do === 'put') {
        const createRevision = prev === undefined ? next : prev.createRevision;
        const version = prev === undefined ? 1 : prev.version + 1;
        const kv = { key, value: operation.value, createRevision, modRevision: next, version };
        now.set(key, kv);
        events.push({ type: 'put', kv, ...(prev === undefined ? {} : { prev }) });
        results.push(kv);
        continue;
      }
      results.push(prev);
      if (operation.do === 'get' || prev === undefined) continue;
      now.delete(key);
      const kv = { key, value: new Uint8Array(0), createRevision: 0, modRevision: next, version: 0 };
      events.push({ type: 'delete', kv, prev });
    }
    if (events.length > 0) {
      this.#states.push(now);
      this.#batches.push({ revision: next, events });
    }
    return { succeeded, revision: this.revision, results };
  }

  range(start: Key, end: Key | undefined, options: RangeOptions): RangeResult {
    const { revision = 0, limit = 0, keysOnly = false } = options;
    if (revision > this.revision) throw new BarnError('FutureRevision', 'model');
    if (revision > 0 && revision < this.compactRevision) throw new BarnError('Compacted', 'model');
    const state = this.#states[revision === 0 ? this.revision : revision] ?? new Map<Key, KeyValue>();
    const found = [...state.values()].filter(({ key }) => within(key, start, end)).sort(byKey);
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
          .filter(({ kv }) => within(kv.key, start, end))
          .map((event) => (prevValue ? event : { type: event.type, kv: event.kv })),
      }))
      .filter(({ events }) => events.length > 0);
  }

  compact(revision: Revision): void {
    if (revision > this.revision) throw new BarnError('FutureRevision', 'model');
    this.compactRevision = Math.max(this.compactRevision, revision);
  }
}

function within(key: Key, start: Key, end: Key | undefined): boolean {
  return end === undefined ? key === start : start <= key && key < end;
}

function byKey(a: KeyValue, b: KeyValue): number {
  return a.key < b.key ? -1 : 1;
}

function holds(compare: Compare, kv: KeyValue | undefined): boolean {
  if (compare.target === 'value') {
    if (kv === undefined) return false;
    const equal = Buffer.from(kv.value).toString('hex') === Buffer.from(compare.value).toString('hex');
    return equal === (compare.op === '=');
  }
  const numbers = { version: kv?.version, create: kv?.createRevision, mod: kv?.modRevision };
  const difference = (numbers[compare.target] ?? 0) - compare.number;
  return { '=': difference === 0, '!=': difference !== 0, '<': difference < 0, '>': difference > 0 }[compare.op];
}
