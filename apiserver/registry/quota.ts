// How many objects of a kind a herd may have. For each kind with such a quota lies one plain key beside the objects, with the
// limit and how many there are; a change of the Herd puts and removes it in its own transaction. Every write that makes or
// removes an object compares this key, there or not, and changes it in its own transaction too. So the number is exact at
// every revision, whichever servers write. Where there is none, what makes an object also compares the Herd, which must then
// set no limit: a herd without quotas pays two compares.
import { ApiError, type KindInfo, quantityUnits, resourceOf, type Unstructured } from '../../apis/index.ts';
import {
  BarnError,
  type Compare,
  type Key,
  type KeyValue,
  type Operation,
  prefixEnd,
  type TxnResult,
} from '../../barn/index.ts';
import { at, isRecord, recordOf } from '../json.ts';
import { countKey, herdPrefix, storedKind } from '../storage/keys.ts';
import type { Stored } from '../storage/object-store.ts';
import { fencedTxn, type KeyedFence } from './fence.ts';
import type { Registry, Target } from './registry.ts';

/** An object that a transaction makes or removes. */
export interface Counted {
  readonly info: KindInfo;
  /** Undefined for cluster kinds, which are not counted. */
  readonly herdUid: string | undefined;
  /** As it was read before one is made. */
  readonly herd?: Stored;
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
  const { herdUid, info } = counted;
  if (herdUid === undefined)
    return fencedTxn(registry, write.fence, write.compares, write.success, write.failure, info);
  const key = countKey(herdUid, resourceOf(storedKind(info)));
  const counting = new Counting(registry, key, counted, write);
  if (registry.counters.known(key) === undefined) {
    const result = await counting.attempt();
    if (result !== undefined) return result;
  }
  return registry.counters.inTurn(key, async () => {
    for (let count = 0; count < attemptsMax; count++) {
      const result = await counting.attempt();
      if (result !== undefined) return result;
    }
    const message = `${resourceOf(info)} "${counted.name}": others made and removed too many at the same time; try again`;
    throw new ApiError('TooManyRequests', message, { retryAfterSeconds: 1 });
  });
}

/** One write that is tried until what it assumes of the counter, and where there is none of the herd, is so. */
class Counting {
  readonly #registry: Registry;
  readonly #key: Key;
  readonly #counted: Counted;
  readonly #write: Write;
  #herd: Stored | undefined;

  constructor(registry: Registry, key: Key, counted: Counted, write: Write) {
    this.#registry = registry;
    this.#key = key;
    this.#counted = counted;
    this.#write = write;
    this.#herd = counted.herd;
  }

  /** Undefined when something was otherwise; then it is known how. */
  async attempt(): Promise<TxnResult | undefined> {
    const known = this.#registry.counters.known(this.#key);
    const { by } = this.#counted;
    const isDryRun = this.#write.success.length === 0;
    if (known === undefined) {
      const hard = this.#limit();
      return hard === undefined || isDryRun ? this.#do(undefined, undefined) : this.#begin(hard);
    }
    const counter = await this.#counterOf(known);
    if (by > 0 && counter.used + by > counter.hard) return this.#refuse(known, counter);
    if (isDryRun) return this.#do(known, undefined);
    const put: Operation = { do: 'put', key: this.#key, value: encodeCounter(after(counter, by)) };
    try {
      return await this.#do(known, put);
    } catch (error) {
      // With a full disk nothing is put, and what is removed makes room: the next to make one finds no counter and begins anew.
      if (by > 0 || !(error instanceof BarnError) || error.reason !== 'NoSpace') throw error;
      return this.#do(known, { do: 'delete', key: this.#key });
    }
  }

  /** The write, with what is done to the counter; undefined: nothing. */
  async #do(known: KeyValue | undefined, count: Operation | undefined): Promise<TxnResult | undefined> {
    const { fence, compares, success, failure } = this.#write;
    const herd = known === undefined ? this.#herd : undefined;
    const result = await fencedTxn(
      this.#registry,
      fence,
      [
        ...compares,
        unchanged(this.#key, known?.modRevision ?? 0),
        ...(herd === undefined ? [] : [unchangedHerd(herd)]),
      ],
      [...success, ...(count === undefined ? [] : [count])],
      [
        ...failure,
        { do: 'get', key: this.#key },
        ...(herd === undefined ? [] : [{ do: 'get', key: herd.key } as const]),
      ],
      this.#counted.info,
    );
    if (result.succeeded) {
      if (count !== undefined)
        this.#registry.counters.learn(this.#key, count.do === 'put' ? result.results[success.length] : undefined);
      return { ...result, results: result.results.slice(0, success.length) };
    }
    return this.#isAsKnown(result.results.slice(failure.length), known, herd)
      ? { ...result, results: result.results.slice(0, failure.length) }
      : undefined;
  }

  /** Nothing stands against it but the quota, all else holds in the same moment; or undefined. */
  async #refuse(known: KeyValue, counter: Required<Counter>): Promise<TxnResult | undefined> {
    const { fence, compares, failure } = this.#write;
    const held = [...compares, unchanged(this.#key, known.modRevision)];
    const look: Operation[] = [...failure, { do: 'get', key: this.#key }];
    const result = await fencedTxn(this.#registry, fence, held, [], look, this.#counted.info);
    if (result.succeeded) throw exceeded(this.#counted, counter);
    return this.#isAsKnown(result.results.slice(failure.length), known, undefined)
      ? { ...result, results: result.results.slice(0, failure.length) }
      : undefined;
  }

  /** Puts the counter that a full disk had no room for. */
  async #begin(hard: number): Promise<undefined> {
    const herd = this.#herd;
    if (herd === undefined) return;
    const result = await this.#registry.store.txn(
      [unchanged(this.#key, 0), unchangedHerd(herd)],
      [{ do: 'put', key: this.#key, value: encodeCounter({ hard }) }],
      [
        { do: 'get', key: this.#key },
        { do: 'get', key: herd.key },
      ],
    );
    if (result.succeeded) this.#registry.counters.learn(this.#key, result.results[0]);
    else this.#isAsKnown(result.results, undefined, herd);
  }

  /** Takes note of the counter and the herd as they were found. */
  #isAsKnown(
    [counter, herd]: readonly (KeyValue | undefined)[],
    known: KeyValue | undefined,
    before: Stored | undefined,
  ): boolean {
    this.#registry.counters.learn(this.#key, counter);
    if (before !== undefined) this.#herd = herd === undefined ? undefined : this.#registry.store.parse(herd);
    // Of a herd that is gone the open key is gone too, which the write itself compares.
    return (
      counter?.modRevision === known?.modRevision &&
      (before === undefined || herd === undefined || herd.modRevision === before.revision)
    );
  }

  #limit(): number | undefined {
    return objectQuotas(this.#herd?.object).get(resourceOf(storedKind(this.#counted.info)));
  }

  /**
   * The number behind a counter. One that was not counted yet is counted now: should anything be made or removed between the
   * look and the write, the counter has changed too, and the write is not done.
   */
  async #counterOf(known: KeyValue): Promise<Required<Counter>> {
    const { hard, used } = decodeCounter(known.value);
    if (used !== undefined) return { hard, used };
    const prefix = herdPrefix(this.#counted.info, this.#counted.herdUid);
    const { count } = await this.#registry.store.barn.range(prefix, prefixEnd(prefix), { limit: 1, keysOnly: true });
    return { hard, used: count };
  }
}

const unchanged = (key: Key, revision: number): Compare => ({ target: 'mod', key, op: '=', number: revision });
const unchangedHerd = ({ key, revision }: Stored): Compare => unchanged(key, revision);

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
