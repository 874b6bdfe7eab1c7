// How many objects of a kind a herd may have. For each kind with such a quota lies one plain key beside the objects, with the
// limit and how many there are; a change of the Herd puts and removes it in its own transaction. Every write that makes or
// removes an object compares this key, there or not, and changes it in its own transaction too. So the number is exact at
// every revision, whichever servers write, and a herd without quotas pays one compare.
import { ApiError, type KindInfo, quantityUnits, resourceOf, type Unstructured } from '../../apis/index.ts';
import type { Compare, Key, KeyValue, Operation, TxnResult } from '../../barn/index.ts';
import { prefixEnd } from '../../barn/index.ts';
import { at, isRecord, recordOf } from '../json.ts';
import { countKey, herdPrefix, storedKind } from '../storage/keys.ts';
import type { Stored } from '../storage/object-store.ts';
import type { Counters } from './counters.ts';
import { fencedTxn, type KeyedFence } from './fence.ts';
import type { Registry, Target } from './registry.ts';

/** An object that a transaction makes or removes. */
export interface Counted {
  readonly info: KindInfo;
  /** Undefined for cluster kinds, which are not counted. */
  readonly herdUid: string | undefined;
  /** Of the herd. */
  readonly namespace: string | undefined;
  readonly name: string;
  readonly by: 1 | -1;
}

interface Write {
  readonly fence: KeyedFence | undefined;
  readonly compares: readonly Compare[];
  /** Empty for a dry run. */
  readonly success: readonly Operation[];
  readonly failure: readonly Operation[];
}

interface Counter {
  readonly hard: number;
  /** Absent until somebody has counted. */
  readonly used?: number;
}

/** Only other servers can come between a look at the number and the write, each at most once for each of its own writes. */
const attemptsMax = 50;

/** As `fencedTxn`, and the object is counted. Errors also: Forbidden when the herd has as many as it may. */
export async function countedTxn(registry: Registry, counted: Counted, write: Write): Promise<TxnResult> {
  const { herdUid } = counted;
  if (herdUid === undefined)
    return fencedTxn(registry, write.fence, write.compares, write.success, write.failure, counted.info);
  const key = countKey(herdUid, resourceOf(storedKind(counted.info)));
  const { counters } = registry;
  if (counters.known(key) === undefined) {
    const result = await attempt(registry, counters, key, counted, write);
    if (result !== undefined) return result;
  }
  return counters.inTurn(key, async () => {
    for (let count = 0; count < attemptsMax; count++) {
      const result = await attempt(registry, counters, key, counted, write);
      if (result !== undefined) return result;
    }
    const message = `${resourceOf(counted.info)} "${counted.name}": others made and removed too many at the same time; try again`;
    throw new ApiError('TooManyRequests', message, { retryAfterSeconds: 1 });
  });
}

/** Undefined when the number changed since it was last seen. */
async function attempt(
  registry: Registry,
  counters: Counters,
  key: Key,
  counted: Counted,
  { fence, compares, success, failure }: Write,
): Promise<TxnResult | undefined> {
  const known = counters.known(key);
  const counter = known === undefined ? undefined : await counterOf(registry, counted, known);
  const exceeds = counter !== undefined && counted.by > 0 && counter.used + counted.by > counter.hard;
  const isWrite = success.length > 0 && !exceeds;
  const count: Operation[] =
    counter === undefined || !isWrite ? [] : [{ do: 'put', key, value: encodeCounter(after(counter, counted.by)) }];
  const unchanged: Compare = { target: 'mod', key, op: '=', number: known?.modRevision ?? 0 };
  const result = await fencedTxn(
    registry,
    fence,
    [...compares, unchanged],
    isWrite ? [...success, ...count] : [],
    [...failure, { do: 'get', key }],
    counted.info,
  );
  if (result.succeeded) {
    // All else held in the same moment: nothing but the quota stands against it.
    if (exceeds) throw exceeded(counted, counter);
    if (count.length > 0) counters.learn(key, result.results[success.length]);
    return { ...result, results: result.results.slice(0, success.length) };
  }
  const now = result.results[failure.length];
  counters.learn(key, now);
  if (now?.modRevision !== known?.modRevision) return undefined;
  return { ...result, results: result.results.slice(0, failure.length) };
}

/**
 * The number behind a counter. One that was not counted yet is counted now: should anything be made or removed between the
 * look and the write, the counter has changed too, and the write is not done.
 */
async function counterOf(registry: Registry, { info, herdUid }: Counted, known: KeyValue): Promise<Required<Counter>> {
  const { hard, used } = decodeCounter(known.value);
  if (used !== undefined) return { hard, used };
  const prefix = herdPrefix(info, herdUid);
  const { count } = await registry.store.barn.range(prefix, prefixEnd(prefix), { limit: 1, keysOnly: true });
  return { hard, used: count };
}

// Below nothing it can only be by a mistake of ours; then the next one counts anew.
function after({ hard, used }: Required<Counter>, by: number): Counter {
  return used + by < 0 ? { hard } : { hard, used: used + by };
}

/** The removal of a stored object. */
export function leaving({ info, namespace, name = '' }: Target, { herdUid }: Stored): Counted {
  return { info, herdUid, namespace, name, by: -1 };
}

/** The counters that come and go with a change of a herd's quotas; whoever needs one next counts. */
export function counterChanges(before: Unstructured | undefined, next: Unstructured | undefined): Operation[] {
  const uid = (next ?? before)?.metadata.uid ?? '';
  const was = objectQuotas(before);
  const is = objectQuotas(next);
  return [
    ...[...is].flatMap(([resource, hard]): Operation[] =>
      was.get(resource) === hard ? [] : [{ do: 'put', key: countKey(uid, resource), value: encodeCounter({ hard }) }],
    ),
    ...[...was.keys()].flatMap((resource): Operation[] =>
      is.has(resource) ? [] : [{ do: 'delete', key: countKey(uid, resource) }],
    ),
  ];
}

const prefixOfNames = 'count/';

/** How many objects a herd may have, by resource. */
function objectQuotas(herd: Unstructured | undefined): ReadonlyMap<string, number> {
  const given = recordOf(herd === undefined ? undefined : at(herd, 'spec.quota.objects'));
  return new Map(
    Object.entries(given).map(([name, quantity]) => [
      name.slice(prefixOfNames.length),
      quantityUnits(typeof quantity === 'number' ? quantity : String(quantity)),
    ]),
  );
}

function exceeded({ info, name, namespace = '', by }: Counted, { hard, used }: Required<Counter>): ApiError {
  const what = `count/${resourceOf(storedKind(info))}`;
  return new ApiError(
    'Forbidden',
    `${resourceOf(info)} "${name}" is forbidden: exceeded quota: ${namespace}, requested: ${what}=${by}, used: ${what}=${used}, limited: ${what}=${hard}`,
    { name, ...(info.group === '' ? {} : { group: info.group }), kind: info.plural },
  );
}

function encodeCounter(counter: Counter): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(counter));
}

function decodeCounter(value: Uint8Array): Counter {
  const counter: unknown = JSON.parse(new TextDecoder().decode(value));
  if (!isRecord(counter) || typeof counter.hard !== 'number') throw new Error('a counter of objects has no limit');
  return { hard: counter.hard, ...(typeof counter.used === 'number' ? { used: counter.used } : {}) };
}
