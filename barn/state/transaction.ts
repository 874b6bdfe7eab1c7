import { unreachable } from '../../base/index.ts';
import type { Compare, Key, KeyValue, Operation, Revision } from '../barn.ts';
import { type FoundTxn, type NewEvent, type Version, valueBytesOf } from './version.ts';

/** The latest state as a transaction sees it. */
export interface LatestView {
  readonly revision: Revision;
  get(key: Key): Version | undefined;
  /** The value of what `get` gave, at once wherever it is: entries are applied in order, and every member must decide alike. */
  valueOf(version: Version): Uint8Array;
}

/** A checked transaction whose values nobody else can change. */
export interface TxnRequest {
  readonly compares: readonly Compare[];
  readonly success: readonly Operation[];
  readonly failure: readonly Operation[];
}

/** What a transaction answers, and the events of its revision; without events it makes none. */
export interface TxnDecision {
  readonly result: FoundTxn;
  readonly events: readonly NewEvent[];
}

/** The value of what has none. */
export const noBytes = new Uint8Array(0);

/**
 * Decides a transaction against `view`, changing nothing; operations see those before them in the same branch. `keep` makes
 * of a value what the store keeps: it must be nobody else's.
 */
export function decideTxn(view: LatestView, request: TxnRequest, keep: (value: Uint8Array) => Uint8Array): TxnDecision {
  const succeeded = request.compares.every((compare) => holds(compare, view.get(compare.key), view));
  const operations = succeeded ? request.success : request.failure;
  const next = view.revision + 1;
  const events: NewEvent[] = [];
  const results: (Version | undefined)[] = [];
  for (const operation of operations) {
    const prev = writtenAt(events, operation.key, view);
    switch (operation.do) {
      case 'get':
        results.push(prev);
        break;
      case 'put': {
        const kv = written(operation.key, keep(operation.value), prev, next);
        events.push(prev === undefined ? { type: 'put', kv } : { type: 'put', kv, prev });
        results.push(kv);
        break;
      }
      case 'delete':
        results.push(prev);
        if (prev !== undefined) events.push({ type: 'delete', kv: tombstone(prev.key, next), prev });
        break;
      default:
        return unreachable(operation);
    }
  }
  const revision = events.length > 0 ? next : view.revision;
  // The history keeps them: no longer than they are, where an array that grew has room for many more.
  return { result: { succeeded, revision, results }, events: events.slice() };
}

/** A copy in memory of its own (Buffer.slice would share it). */
export function copyOf(value: Uint8Array): Uint8Array {
  return new Uint8Array(value);
}

/** The value as it is: a view of the bytes it came in, with many others. The store gives it its own when it stays (State.compact). */
export function shared(value: Uint8Array): Uint8Array {
  return value;
}

/** What a deletion leaves in a key's history: version and create revision 0. */
export function tombstone(key: Key, revision: Revision): KeyValue {
  return { key, value: noBytes, createRevision: 0, modRevision: revision, version: 0 };
}

/** Whether this is a key that exists, not what a deletion left. */
export function isLive(kv: Version): boolean {
  return kv.version > 0;
}

function written(key: Key, value: Uint8Array, prev: Version | undefined, revision: Revision): KeyValue {
  return {
    // All versions of a key share one string.
    key: prev?.key ?? key,
    value,
    createRevision: prev?.createRevision ?? revision,
    modRevision: revision,
    version: (prev?.version ?? 0) + 1,
  };
}

/** The key as the branch so far left it. At most operationsPerTxnMax events, and nearly always one: a scan will do. */
function writtenAt(events: readonly NewEvent[], key: Key, view: LatestView): Version | undefined {
  for (const { kv } of events) if (kv.key === key) return isLive(kv) ? kv : undefined;
  return view.get(key);
}

function holds(compare: Compare, kv: Version | undefined, view: LatestView): boolean {
  switch (compare.target) {
    case 'value': {
      if (kv === undefined) return false;
      const { byteLength } = compare.value;
      const equal = valueBytesOf(kv) === byteLength && Buffer.compare(view.valueOf(kv), compare.value) === 0;
      return compare.op === '=' ? equal : !equal;
    }
    case 'version':
      return numberHolds(kv?.version ?? 0, compare);
    case 'create':
      return numberHolds(kv?.createRevision ?? 0, compare);
    case 'mod':
      return numberHolds(kv?.modRevision ?? 0, compare);
    default:
      return unreachable(compare);
  }
}

function numberHolds(found: number, { op, number }: Exclude<Compare, { target: 'value' }>): boolean {
  switch (op) {
    case '=':
      return found === number;
    case '!=':
      return found !== number;
    case '<':
      return found < number;
    case '>':
      return found > number;
    default:
      return unreachable(op);
  }
}
