import { expect } from 'chai';
import type { KeyValue, Operation } from '../../barn/index.ts';
import { Chance } from './chance.ts';
import { type Answer, type Call, hasChanged, type Request } from './history.ts';
import { linearize } from './linearizability.ts';
import { emptyState, type ModelState, modelRange, modelTxn, sameKeyValues } from './model.ts';

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));
const put = (key: string, value: string): Operation => ({ do: 'put', key, value: bytes(value) });
const kv = (key: string, value: string, modRevision: number, createRevision = modRevision, version = 1): KeyValue => ({
  key,
  value: bytes(value),
  createRevision,
  modRevision,
  version,
});
const txn = (...success: Operation[]): Request => ({ kind: 'txn', compares: [], success, failure: [] });
const ifMod = (key: string, number: number, ...success: Operation[]): Request => ({
  kind: 'txn',
  compares: [{ target: 'mod', key, op: '=', number }],
  success,
  failure: [],
});
const did = (revision: number, ...results: (KeyValue | undefined)[]): Answer => ({
  kind: 'txn',
  result: { succeeded: true, revision, results },
});
const readAll = { kind: 'range', start: '', end: '\x7f', revision: 0, serializable: false } as const;
const readStale = { ...readAll, serializable: true };
const saw = (revision: number, ...items: KeyValue[]): Answer => ({
  kind: 'range',
  result: { revision, items, more: false, count: items.length },
});
const unknown: Answer = { kind: 'unknown' };
const never = Number.POSITIVE_INFINITY;

type Row = readonly [calledAt: number, returnedAt: number, request: Request, answer: Answer];
const history = (...rows: Row[]): Call[] =>
  rows.map(([calledAt, returnedAt, request, answer], id) => ({
    id,
    client: `c${id}`,
    request,
    calledAt,
    returnedAt,
    answer,
  }));

describe('Linearizability checker', () => {
  const good: readonly (readonly [string, Row[]])[] = [
    ['takes an empty history', []],
    [
      'takes a read that overlaps a write and sees it not yet',
      [
        [1, 4, txn(put('a', '1')), did(1, kv('a', '1', 1))],
        [2, 3, readAll, saw(0)],
      ],
    ],
    [
      'takes a write without an answer that happens long after',
      [
        [1, never, txn(put('a', '1')), unknown],
        [2, 3, readAll, saw(0)],
        [4, 5, txn(put('b', '2')), did(1, kv('b', '2', 1))],
        [6, 7, readAll, saw(2, kv('a', '1', 2), kv('b', '2', 1))],
      ],
    ],
    [
      'takes a write without an answer that never happens',
      [
        [1, never, txn(put('a', '1')), unknown],
        [2, 3, txn(put('a', '2')), did(1, kv('a', '2', 1))],
      ],
    ],
    [
      'takes a stale read that says it may be stale',
      [
        [1, 2, txn(put('a', '1')), did(1, kv('a', '1', 1))],
        [3, 4, readStale, saw(0)],
      ],
    ],
    [
      'finds which of two unknown writes made which revision from what a later read saw',
      [
        [1, never, txn(put('a', '1')), unknown],
        [2, never, txn(put('a', '2')), unknown],
        [3, 4, txn(put('b', '3')), did(3, kv('b', '3', 3))],
        [5, 6, readAll, saw(3, kv('a', '1', 2, 1, 2), kv('b', '3', 3))],
      ],
    ],
  ];
  for (const [title, rows] of good) it(title, () => expect(linearize(history(...rows))).to.have.property('states'));

  const bad: readonly (readonly [string, Row[]])[] = [
    [
      'a stale read',
      [
        [1, 2, txn(put('a', '1')), did(1, kv('a', '1', 1))],
        [3, 4, readAll, saw(0)],
      ],
    ],
    [
      'a read that goes back behind another read',
      [
        [1, 9, txn(put('a', '1')), did(1, kv('a', '1', 1))],
        [2, 3, readAll, saw(1, kv('a', '1', 1))],
        [4, 5, readAll, saw(0)],
      ],
    ],
    [
      'a lost write whose revision was given again',
      [
        [1, 2, txn(put('a', '1')), did(1, kv('a', '1', 1))],
        [3, 4, txn(put('a', '2')), did(1, kv('a', '2', 1))],
      ],
    ],
    [
      'a lost write that leaves its revision behind',
      [
        [1, 2, txn(put('a', '1')), did(1, kv('a', '1', 1))],
        [3, 4, txn(put('b', '2')), did(2, kv('b', '2', 2))],
        [5, 6, readAll, saw(2, kv('b', '2', 2))],
      ],
    ],
    [
      'a write that was applied twice',
      [
        [1, 2, txn(put('a', '1')), did(1, kv('a', '1', 1))],
        [3, 4, readAll, saw(2, kv('a', '1', 2, 1, 2))],
      ],
    ],
    [
      'an unknown write that happens twice',
      [
        [1, never, txn(put('a', '1')), unknown],
        [2, 3, readAll, saw(2, kv('a', '1', 2, 1, 2))],
      ],
    ],
    [
      'two winners of one compare',
      [
        [1, 6, ifMod('a', 0, put('a', '1')), did(1, kv('a', '1', 1))],
        [2, 5, ifMod('a', 0, put('a', '2')), did(2, kv('a', '2', 2, 1, 2))],
      ],
    ],
    [
      'a write that was seen before it was asked for',
      [
        [1, 2, readAll, saw(1, kv('a', '1', 1))],
        [3, 4, txn(put('a', '1')), did(1, kv('a', '1', 1))],
      ],
    ],
    [
      'an unknown write that was seen before it was asked for',
      [
        [1, 2, readAll, saw(1, kv('a', '1', 1))],
        [3, never, txn(put('a', '1')), unknown],
      ],
    ],
    [
      'a refused write that happened',
      [
        [1, 2, txn(put('a', '1')), { kind: 'refused', reason: 'NoLeader' }],
        [3, 4, readAll, saw(1, kv('a', '1', 1))],
      ],
    ],
    [
      'half a transaction',
      [
        [1, never, txn(put('a', '1'), put('b', '1')), unknown],
        [2, 3, readAll, saw(1, kv('a', '1', 1))],
      ],
    ],
    [
      'a stale read of a state that never was',
      [
        [1, 2, txn(put('a', '1')), did(1, kv('a', '1', 1))],
        [3, 4, readStale, saw(1, kv('a', '2', 1))],
      ],
    ],
    [
      'a read index behind an acknowledged write',
      [
        [1, 2, txn(put('a', '1')), did(1, kv('a', '1', 1))],
        [3, 4, { kind: 'readIndex' }, { kind: 'readIndex', revision: 0 }],
      ],
    ],
    [
      'a transaction that was told nothing changed though its compare held',
      [[1, 2, ifMod('a', 0, put('a', '1')), { kind: 'txn', result: { succeeded: false, revision: 0, results: [] } }]],
    ],
  ];
  for (const [title, rows] of bad)
    it(`refuses ${title}`, () => expect(linearize(history(...rows))).to.have.property('rule', 'linearizable'));

  it('looks first where it is told to, and is not misled by that', () => {
    const calls = history(
      [1, never, txn(put('a', '1')), unknown],
      [1, never, txn(put('b', '1')), unknown],
      [2, 3, { kind: 'readIndex' }, { kind: 'readIndex', revision: 2 }],
    );
    const first = (key: string) => (revision: number) =>
      revision === 1 ? [{ type: 'put', kv: kv(key, '1', 1) } as const] : undefined;
    const makers = (key: string) => {
      const found = linearize(calls, first(key));
      return 'makers' in found ? found.makers.map((call) => call?.id) : found;
    };
    expect(makers('b')).to.deep.equal([undefined, 1, 0]);
    expect(makers('a')).to.deep.equal([undefined, 0, 1]);
    expect(makers('c')).to.deep.equal([undefined, 0, 1]);
  });

  it('agrees with trying all orders, on small histories true and bent', () => {
    const verdicts = { good: 0, bad: 0 };
    for (let seed = 1; seed <= 3_000; seed++) {
      const calls = randomHistory(new Chance(seed));
      const expected = anyOrder(calls);
      verdicts[expected ? 'good' : 'bad']++;
      expect('states' in linearize(calls), `seed ${seed}`).to.equal(expected);
    }
    expect(verdicts.good).to.be.greaterThan(200);
    expect(verdicts.bad).to.be.greaterThan(200);
  });
});

/** Up to six calls on two keys that overlap at random, answered by the model in some order, then perhaps bent. */
function randomHistory(chance: Chance): Call[] {
  const count = chance.between(2, 6);
  const intervals = Array.from({ length: count }, (_, id) => ({
    id,
    at: 2 * id + chance.between(0, 1),
    length: chance.between(1, 7),
  }));
  let state: ModelState = emptyState;
  const calls = intervals.map(({ id, at, length }): Call => {
    const request: Request = chance.happens(0.35)
      ? { ...readAll, serializable: chance.happens(0.2) }
      : chance.happens(0.5)
        ? txn(put(chance.pick(['a', 'b']), `${chance.between(1, 2)}`))
        : ifMod('a', chance.between(0, 2), put('a', `${id}`));
    return {
      id,
      client: `c${id}`,
      request,
      calledAt: at * 10 + id,
      returnedAt: (at + length) * 10 + id,
      answer: unknown,
    };
  });
  for (const call of [...calls].sort((a, b) => a.calledAt - b.calledAt + chance.between(-25, 25))) {
    const { request } = call;
    if (request.kind === 'txn') {
      const done = modelTxn(state, request);
      if (chance.happens(0.85)) state = done.state;
      call.answer = { kind: 'txn', result: done.result };
    } else call.answer = saw(state.revision, ...modelRange(state, '', '\x7f'));
    if (request.kind === 'txn' && chance.happens(0.3)) [call.answer, call.returnedAt] = [unknown, never];
  }
  return calls;
}

/** Wing and Gong's way: tries every order that keeps to time, with every choice of the unknown ones that happened. */
function anyOrder(
  calls: readonly Call[],
  state: ModelState = emptyState,
  past: readonly ModelState[] = [emptyState],
): boolean {
  if (calls.every(({ answer }) => answer.kind === 'unknown')) return true;
  const firstReturn = Math.min(...calls.map(({ returnedAt }) => returnedAt));
  return calls.some((call) => {
    if (call.calledAt > firstReturn) return false;
    const rest = calls.filter((other) => other !== call);
    const { request, answer } = call;
    if (request.kind === 'range') {
      if (answer.kind !== 'range') return false;
      const { revision, items } = answer.result;
      // A stale read is of some state of this order; one that is still to come is found when it has come.
      const of = request.serializable ? past.find((one) => one.revision === revision) : state;
      return (
        of?.revision === revision && sameKeyValues(items, modelRange(of, '', '\x7f')) && anyOrder(rest, state, past)
      );
    }
    if (request.kind !== 'txn') return false;
    const done = modelTxn(state, request);
    if (answer.kind === 'txn') {
      const { result } = answer;
      if (result.succeeded !== done.result.succeeded || result.revision !== done.result.revision) return false;
      if (!sameKeyValues(result.results, done.result.results)) return false;
      if (hasChanged(request, result) !== done.events.length > 0) return false;
    }
    return anyOrder(rest, done.state, done.state === state ? past : [...past, done.state]);
  });
}
