// What every twin of the Barn must do: test support, run by each twin's own test, not part of the door.
import { expect } from 'chai';
import { ManualClock } from '../base/index.ts';
import {
  type Barn,
  BarnError,
  type BarnReason,
  type Compare,
  type Key,
  type Operation,
  prefixEnd,
  type TxnResult,
  type WatchBatch,
} from './barn.ts';
import type { BarnLimits } from './limits.ts';
import { decodeSnapshot } from './state/snapshot.ts';

export interface ConformanceOptions {
  readonly clock: ManualClock;
  readonly limits: Partial<BarnLimits>;
}

/** Declares the suite. `open` makes an empty store; the suite closes it, `dispose` then removes what it left. */
export function describeBarn(
  name: string,
  open: (options: ConformanceOptions) => Promise<{ readonly barn: Barn; dispose(): Promise<void> }>,
): void {
  describe(`${name} as a Barn`, () => {
    let clock: ManualClock;
    let barn: Barn;
    let opened: { readonly barn: Barn; dispose(): Promise<void> };

    beforeEach(async () => {
      clock = new ManualClock();
      const limits = { watchBufferBytesMax: 4_096, watchersMax: 8, historyBytesMax: 1_000_000 };
      opened = await open({ clock, limits });
      barn = opened.barn;
    });

    afterEach(async () => {
      await barn.close();
      await opened.dispose();
    });

    describeTransactions(() => barn);
    describeRanges(() => barn);
    describeWatches(
      () => barn,
      () => clock,
    );
    describeCompaction(() => barn);
    describeLife(() => barn);
  });
}

function describeTransactions(barn: () => Barn): void {
  it('starts at revision 0 with nothing', async () => {
    expect(await barn().range('', '\x7f')).to.deep.equal({ revision: 0, items: [], more: false, count: 0 });
    expect(await barn().readIndex()).to.equal(0);
  });

  it('gives every put the next revision and counts versions from 1', async () => {
    await put(barn(), 'a', 'one');
    await put(barn(), 'b', 'two');
    const { revision, results } = await put(barn(), 'a', 'three');
    expect(revision).to.equal(3);
    expect(results).to.deep.equal([kv('a', 'three', 1, 3, 2)]);
  });

  it('starts a key anew after its deletion', async () => {
    await put(barn(), 'a', 'one');
    const { revision, results } = await remove(barn(), 'a');
    expect({ revision, results }).to.deep.equal({ revision: 2, results: [kv('a', 'one', 1, 1, 1)] });
    expect((await put(barn(), 'a', 'two')).results).to.deep.equal([kv('a', 'two', 3, 3, 1)]);
  });

  it('makes one revision of all that a transaction changes', async () => {
    await put(barn(), 'old', 'x');
    const { revision } = await barn().txn([], [putOf('a', '1'), putOf('b', '2'), { do: 'delete', key: 'old' }]);
    expect(revision).to.equal(2);
    expect(await list(barn())).to.deep.equal([kv('a', '1', 2, 2, 1), kv('b', '2', 2, 2, 1)]);
  });

  for (const [title, success] of [
    ['only gets', [{ do: 'get', key: 'a' }]],
    ['nothing to do', []],
    ['a deletion of an absent key', [{ do: 'delete', key: 'absent' }]],
  ] as [string, Operation[]][]) {
    it(`makes no revision of ${title}`, async () => {
      await put(barn(), 'a', '1');
      expect((await barn().txn([], success)).revision).to.equal(1);
      expect(await barn().readIndex()).to.equal(1);
    });
  }

  it('makes no revision of a failed comparison with an empty failure branch', async () => {
    const result = await barn().txn([{ target: 'mod', key: 'a', op: '=', number: 7 }], [putOf('a', '1')]);
    expect(result).to.deep.equal({ succeeded: false, revision: 0, results: [] });
  });

  it('takes the failure branch when one comparison of many fails', async () => {
    await put(barn(), 'a', '1');
    const compares: Compare[] = [
      { target: 'version', key: 'a', op: '=', number: 1 },
      { target: 'version', key: 'a', op: '>', number: 1 },
    ];
    const result = await barn().txn(compares, [putOf('b', '2')], [{ do: 'get', key: 'a' }]);
    expect(result).to.deep.equal({ succeeded: false, revision: 1, results: [kv('a', '1', 1, 1, 1)] });
  });

  it('lets operations see those before them', async () => {
    await put(barn(), 'a', '1');
    const { results } = await barn().txn(
      [],
      [
        { do: 'get', key: 'a' },
        putOf('a', '2'),
        { do: 'get', key: 'a' },
        { do: 'get', key: 'b' },
        { do: 'delete', key: 'b' },
      ],
    );
    expect(results).to.deep.equal([
      kv('a', '1', 1, 1, 1),
      kv('a', '2', 1, 2, 2),
      kv('a', '2', 1, 2, 2),
      undefined,
      undefined,
    ]);
  });

  for (const [holds, compare] of [
    [true, { target: 'version', key: 'a', op: '=', number: 2 }],
    [false, { target: 'version', key: 'a', op: '!=', number: 2 }],
    [true, { target: 'create', key: 'a', op: '=', number: 1 }],
    [true, { target: 'mod', key: 'a', op: '>', number: 1 }],
    [false, { target: 'mod', key: 'a', op: '>', number: 2 }],
    [true, { target: 'mod', key: 'a', op: '<', number: 3 }],
    [false, { target: 'mod', key: 'a', op: '<', number: 2 }],
    [true, { target: 'value', key: 'a', op: '=', value: Buffer.from('two') }],
    [false, { target: 'value', key: 'a', op: '=', value: Buffer.from('twos') }],
    [true, { target: 'value', key: 'a', op: '!=', value: Buffer.from('one') }],
    [true, { target: 'version', key: 'absent', op: '=', number: 0 }],
    [true, { target: 'create', key: 'absent', op: '=', number: 0 }],
    [true, { target: 'mod', key: 'absent', op: '<', number: 1 }],
    [false, { target: 'value', key: 'absent', op: '=', value: Buffer.alloc(0) }],
    [false, { target: 'value', key: 'absent', op: '!=', value: Buffer.from('x') }],
    [true, { target: 'version', key: 'gone', op: '=', number: 0 }],
    [true, { target: 'mod', key: 'gone', op: '=', number: 0 }],
  ] as [boolean, Compare][]) {
    const { target, key, op } = compare;
    const right = compare.target === 'value' ? Buffer.from(compare.value).toString() : compare.number;
    it(`says ${holds} of ${target}(${key}) ${op} ${right}`, async () => {
      await put(barn(), 'a', 'one');
      await put(barn(), 'a', 'two');
      await put(barn(), 'gone', 'x');
      await remove(barn(), 'gone');
      expect((await barn().txn([compare], [])).succeeded).to.equal(holds);
    });
  }

  it('decides racing transactions one after the other', async () => {
    const create = { target: 'version', key: 'lock', op: '=', number: 0 } as const;
    const all = await Promise.all(['a', 'b', 'c'].map((who) => barn().txn([create], [putOf('lock', who)])));
    expect(all.map(({ succeeded }) => succeeded)).to.deep.equal([true, false, false]);
    expect(all.map(({ revision }) => revision)).to.deep.equal([1, 1, 1]);
  });

  it('keeps what it was given, whatever happens to the memory it was given in', async () => {
    const value = Buffer.from('before');
    const pending = barn().txn([], [{ do: 'put', key: 'a', value }]);
    value.write('after!');
    await pending;
    value.write('later!');
    expect(await list(barn())).to.deep.equal([kv('a', 'before', 1, 1, 1)]);
  });

  for (const [title, reason, operations] of [
    ['an empty key', 'InvalidKey', [putOf('', 'x')]],
    ['a key of 1,025 characters', 'InvalidKey', [putOf('k'.repeat(1_025), 'x')]],
    ['a key with a line break', 'InvalidKey', [putOf('a\n', 'x')]],
    ['a key that is not ASCII', 'InvalidKey', [{ do: 'get', key: 'é' }]],
    ['a key with DEL', 'InvalidKey', [{ do: 'delete', key: 'a\x7f' }]],
    ['a value beyond 1.5 MiB', 'TooLarge', [{ do: 'put', key: 'a', value: Buffer.alloc(1_572_865) }]],
    ['129 operations', 'TooLarge', Array.from({ length: 129 }, (_, index) => putOf(`k${index}`, 'x'))],
    ['two puts of one key', 'DuplicateKey', [putOf('a', '1'), putOf('a', '2')]],
    ['a put and a deletion of one key', 'DuplicateKey', [putOf('a', '1'), { do: 'delete', key: 'a' }]],
    [
      'values of more than 8 MiB together',
      'TooLarge',
      Array.from({ length: 6 }, (_, index) => ({ do: 'put', key: `k${index}`, value: Buffer.alloc(1_500_000) })),
    ],
  ] as [string, BarnReason, Operation[]][]) {
    it(`refuses ${title}, in either branch`, async () => {
      await expectReason(barn().txn([], operations), reason);
      await expectReason(barn().txn([], [putOf('fine', 'x')], operations), reason);
      expect(await barn().readIndex()).to.equal(0);
    });
  }

  it('takes a value of 1.5 MiB, a key of 1,024 characters and 128 operations', async () => {
    const key = 'k'.repeat(1_024);
    await barn().txn([], [{ do: 'put', key, value: Buffer.alloc(1_572_864, 7) }]);
    expect((await barn().range(key)).items[0]?.value.byteLength).to.equal(1_572_864);
    await barn().txn(
      [],
      Array.from({ length: 128 }, (_, index) => putOf(`op${index}`, 'x')),
    );
    expect((await barn().range('op', prefixEnd('op'))).count).to.equal(128);
  });
}

function describeRanges(barn: () => Barn): void {
  it('gives [start, end) in byte order', async () => {
    for (const key of ['b', 'a/2', 'a/10', 'a', 'A', 'a/1', '~', 'a0']) await put(barn(), key, 'x');
    expect(await keys(barn(), 'a', 'b')).to.deep.equal(['a', 'a/1', 'a/10', 'a/2', 'a0']);
    expect(await keys(barn(), 'a/', prefixEnd('a/'))).to.deep.equal(['a/1', 'a/10', 'a/2']);
    expect(await keys(barn(), '', '\x7f')).to.deep.equal(['A', 'a', 'a/1', 'a/10', 'a/2', 'a0', 'b', '~']);
    expect(await keys(barn(), '~', prefixEnd('~'))).to.deep.equal(['~']);
    expect(await keys(barn(), 'b', 'a')).to.deep.equal([]);
  });

  it('gives one key without an end', async () => {
    await put(barn(), 'a', '1');
    await put(barn(), 'aa', '2');
    expect(await barn().range('a')).to.deep.equal({
      revision: 2,
      items: [kv('a', '1', 1, 1, 1)],
      more: false,
      count: 1,
    });
    expect((await barn().range('absent')).count).to.equal(0);
  });

  it('says what a limit cut off, and counts all', async () => {
    for (const key of ['a', 'b', 'c']) await put(barn(), key, 'x');
    for (const [limit, more, length] of [
      [0, false, 3],
      [2, true, 2],
      [3, false, 3],
    ] as const) {
      const result = await barn().range('a', 'z', { limit });
      expect([result.more, result.items.length, result.count]).to.deep.equal([more, length, 3]);
    }
  });

  it('leaves the values out when only keys are asked for', async () => {
    await put(barn(), 'a', '1');
    expect((await barn().range('a', 'z', { keysOnly: true })).items).to.deep.equal([kv('a', '', 1, 1, 1)]);
    expect(await list(barn())).to.deep.equal([kv('a', '1', 1, 1, 1)]);
  });

  it('shows the state of an earlier revision, and the revision of now', async () => {
    await put(barn(), 'a', '1');
    await put(barn(), 'b', '2');
    await put(barn(), 'a', '3');
    await remove(barn(), 'b');
    await put(barn(), 'b', '5');
    expect(await barn().range('a', 'z', { revision: 2 })).to.deep.equal({
      revision: 5,
      items: [kv('a', '1', 1, 1, 1), kv('b', '2', 2, 2, 1)],
      more: false,
      count: 2,
    });
    expect((await barn().range('a', 'z', { revision: 4 })).items).to.deep.equal([kv('a', '3', 1, 3, 2)]);
    expect((await barn().range('b', undefined, { revision: 1 })).items).to.deep.equal([]);
    expect((await barn().range('b', undefined, { revision: 5 })).items).to.deep.equal([kv('b', '5', 5, 5, 1)]);
  });

  it('refuses a revision that is yet to come', async () => {
    await put(barn(), 'a', '1');
    await expectReason(barn().range('a', undefined, { revision: 2 }), 'FutureRevision');
  });

  it('keeps 5,000 keys that came in any order in order', async () => {
    const expected: string[] = [];
    for (let index = 0; index < 5_000; index++) expected.push(`k${String(index).padStart(4, '0')}`);
    const pending: Promise<TxnResult>[] = [];
    for (let index = 0; index < 5_000; index++) {
      pending.push(put(barn(), expected[(index * 1_237) % 5_000] ?? '', 'x'));
    }
    await Promise.all(pending);
    expect(await keys(barn(), 'k', 'l')).to.deep.equal(expected);
    await Promise.all(expected.filter((_, index) => index % 3 !== 0).map((key) => remove(barn(), key)));
    await barn().compact(await barn().readIndex());
    expect(await keys(barn(), 'k', 'l')).to.deep.equal(expected.filter((_, index) => index % 3 === 0));
    expect(await keys(barn(), 'k1000', 'k1010')).to.deep.equal(['k1002', 'k1005', 'k1008']);
  });
}

function describeWatches(barn: () => Barn, clock: () => ManualClock): void {
  it('tells of what comes after it, without what was before', async () => {
    await put(barn(), 'a', '1');
    const watch = await barn().watch('a', 'z', 0);
    await put(barn(), 'a', '2');
    await remove(barn(), 'a');
    expect(await take(watch, 2)).to.deep.equal([
      { revision: 2, events: [{ type: 'put', kv: kv('a', '2', 1, 2, 2) }] },
      { revision: 3, events: [{ type: 'delete', kv: kv('a', '', 0, 3, 0) }] },
    ]);
  });

  it('tells of everything from a revision on, that one included, then of what comes', async () => {
    for (const value of ['1', '2', '3']) await put(barn(), 'a', value);
    const watch = await barn().watch('a', undefined, 2);
    await put(barn(), 'a', '4');
    expect((await take(watch, 2)).map(({ revision }) => revision)).to.deep.equal([2, 3]);
    await put(barn(), 'a', '5');
    expect((await take(watch, 2)).map(({ revision }) => revision)).to.deep.equal([4, 5]);
  });

  it('tells of nothing before a revision that is yet to come', async () => {
    const watch = await barn().watch('a', 'z', 3, { progress: true });
    for (const value of ['1', '2', '3']) await put(barn(), 'a', value);
    expect((await take(watch, 1)).map(({ revision }) => revision)).to.deep.equal([3]);
  });

  it('tells only of its range, and never splits a revision', async () => {
    const watch = await barn().watch('b', 'd', 0);
    const one = await barn().watch('c', undefined, 0);
    await put(barn(), 'a', 'x');
    await barn().txn([], [putOf('d', '1'), putOf('c', '2'), putOf('b', '3'), putOf('a', '4')]);
    expect(await take(watch, 1)).to.deep.equal([
      {
        revision: 2,
        events: [
          { type: 'put', kv: kv('c', '2', 2, 2, 1) },
          { type: 'put', kv: kv('b', '3', 2, 2, 1) },
        ],
      },
    ]);
    expect(await take(one, 1)).to.deep.equal([{ revision: 2, events: [{ type: 'put', kv: kv('c', '2', 2, 2, 1) }] }]);
  });

  for (const [title, from] of [
    ['as it happens', 0],
    ['from the history', 1],
  ] as const) {
    it(`tells what was there before when asked, ${title}`, async () => {
      const early = from === 0 ? await barn().watch('a', 'z', 0, { prevValue: true }) : undefined;
      await put(barn(), 'a', '1');
      await put(barn(), 'a', '2');
      await remove(barn(), 'a');
      const watch = early ?? (await barn().watch('a', 'z', from, { prevValue: true }));
      expect((await take(watch, 3)).flatMap(({ events }) => events)).to.deep.equal([
        { type: 'put', kv: kv('a', '1', 1, 1, 1) },
        { type: 'put', kv: kv('a', '2', 1, 2, 2), prev: kv('a', '1', 1, 1, 1) },
        { type: 'delete', kv: kv('a', '', 0, 3, 0), prev: kv('a', '2', 1, 2, 2) },
      ]);
    });
  }

  it('hands the same objects to all who ask for the same', async () => {
    await put(barn(), 'a', '1');
    const watches = [await barn().watch('a', 'z', 2), await barn().watch('a', 'z', 2), await barn().watch('a', 'z', 1)];
    await barn().txn([], [putOf('a', '2'), putOf('z', '2')]);
    const [first, second] = await Promise.all(watches.slice(0, 2).map((watch) => take(watch, 1)));
    expect(first?.[0]).to.equal(second?.[0]);
    expect(first?.[0]?.events).to.have.length(1);
    const late = (await take(watches[2], 2))[1];
    expect(late?.events[0]).to.equal(first?.[0]?.events[0]);
  });

  it('says how far it is after the backlog, and later when others moved the revision, at most every 200 ms', async () => {
    await put(barn(), 'a', '1');
    await put(barn(), 'other', '2');
    const watch = await barn().watch('a', undefined, 1, { progress: true });
    const quiet = await barn().watch('a', undefined, 0, { progress: true });
    expect((await take(watch, 2)).map(short)).to.deep.equal(['1:1', '2:0']);
    expect((await take(quiet, 1)).map(short)).to.deep.equal(['2:0']);
    const coming = take(watch, 1);
    await put(barn(), 'other', '3');
    clock().advance(199);
    await put(barn(), 'other', '4');
    expect(await settledWithin(coming)).to.equal(false);
    clock().advance(1);
    expect((await coming).map(short)).to.deep.equal(['4:0']);
    await put(barn(), 'other', '5');
    await put(barn(), 'other', '6');
    clock().advance(200);
    await put(barn(), 'other', '7');
    clock().advance(200);
    expect((await take(watch, 1)).map(short), 'who reads late learns the newest only').to.deep.equal(['7:0']);
    await put(barn(), 'a', '8');
    clock().advance(1_000);
    const next = take(watch, 2);
    expect(await settledWithin(next), 'an event is progress enough').to.equal(false);
    await put(barn(), 'a', '9');
    expect((await next).map(short)).to.deep.equal(['8:1', '9:1']);
  });

  it('says nothing of progress to who did not ask', async () => {
    const watch = await barn().watch('a', undefined, 0);
    await put(barn(), 'other', '1');
    clock().advance(1_000);
    await put(barn(), 'a', '2');
    expect((await take(watch, 1)).map(short)).to.deep.equal(['2:1']);
  });

  it('ends with Overrun when too much waits for the reader, and bothers nobody else', async () => {
    const slow = await barn().watch('a', 'z', 0);
    const other = await barn().watch('a', 'z', 0);
    const history = await barn().watch('a', 'z', 1);
    const seen: string[] = [];
    for (let index = 1; index <= 5; index++) {
      await put(barn(), 'a', 'x'.repeat(1_000));
      seen.push(...(await take(other, 1)).map(short));
    }
    await expectReason(slow.next(), 'Overrun');
    expect(await slow.next()).to.deep.equal({ done: true, value: undefined });
    expect(seen).to.deep.equal(['1:1', '2:1', '3:1', '4:1', '5:1']);
    await expectReason(history.next(), 'Overrun');
    const behind = await barn().watch('a', 'z', 1);
    expect((await take(behind, 5)).map(short), 'the history is read at the pace of the reader').to.deep.equal(seen);
  });

  it('hands over a batch that alone is larger than the buffer', async () => {
    const watch = await barn().watch('a', 'z', 0);
    await put(barn(), 'a', 'x'.repeat(10_000));
    expect((await take(watch, 1)).map(short)).to.deep.equal(['1:1']);
  });

  it('ends quietly when the signal aborts: before, while waiting, while not read', async () => {
    const before = await barn().watch('a', 'z', 0, { signal: AbortSignal.abort() });
    expect((await before.next()).done).to.equal(true);
    const controller = new AbortController();
    const waiting = await barn().watch('a', 'z', 0, { signal: controller.signal });
    const unread = await barn().watch('a', 'z', 0, { signal: controller.signal });
    await put(barn(), 'a', '1');
    await waiting.next();
    const next = waiting.next();
    controller.abort();
    expect((await next).done).to.equal(true);
    expect((await unread.next()).done).to.equal(true);
  });

  it('ends when the reader returns', async () => {
    await put(barn(), 'a', '1');
    await put(barn(), 'a', '2');
    const seen: WatchBatch[] = [];
    const watch = await barn().watch('a', 'z', 1);
    for await (const batch of watch) {
      seen.push(batch);
      break;
    }
    expect(seen.map(short)).to.deep.equal(['1:1']);
    expect((await watch.next()).done).to.equal(true);
  });

  it('refuses more watches than it has room for, until one ends', async () => {
    const watches = [];
    for (let index = 0; index < 8; index++) watches.push(await barn().watch(`k${index % 3}`, undefined, 0));
    await expectReason(barn().watch('k', 'l', 0), 'Overloaded');
    await watches[3]?.return?.();
    await watches[3]?.return?.();
    await barn().watch('k', 'l', 0);
    await expectReason(barn().watch('k', 'l', 0), 'Overloaded');
  });
}

function describeCompaction(barn: () => Barn): void {
  async function fill(): Promise<void> {
    await put(barn(), 'a', '1');
    await put(barn(), 'gone', '2');
    await put(barn(), 'a', '3');
    await remove(barn(), 'gone');
    await put(barn(), 'b', '5');
  }

  it('forgets what was before, keeps what is and what can still be asked for', async () => {
    await fill();
    await barn().compact(4);
    await expectReason(barn().range('a', 'z', { revision: 3 }), 'Compacted', 4);
    expect((await barn().range('a', 'z', { revision: 4 })).items).to.deep.equal([kv('a', '3', 1, 3, 2)]);
    expect(await list(barn())).to.deep.equal([kv('a', '3', 1, 3, 2), kv('b', '5', 5, 5, 1)]);
    expect((await barn().status()).compactRevision).to.equal(4);
    expect((await put(barn(), 'a', '6')).results).to.deep.equal([kv('a', '6', 1, 6, 3)]);
    await barn().compact(6);
    expect(await list(barn())).to.deep.equal([kv('a', '6', 1, 6, 3), kv('b', '5', 5, 5, 1)]);
  });

  it('lets a watch begin at the compacted revision, with what was before, and not below', async () => {
    await fill();
    await barn().compact(4);
    const watch = await barn().watch('a', 'z', 4, { prevValue: true });
    expect((await take(watch, 2)).flatMap(({ events }) => events)).to.deep.equal([
      { type: 'delete', kv: kv('gone', '', 0, 4, 0), prev: kv('gone', '2', 2, 2, 1) },
      { type: 'put', kv: kv('b', '5', 5, 5, 1) },
    ]);
    await expectReason(barn().watch('a', 'z', 3), 'Compacted', 4);
  });

  it('ends a watch with Compacted whose reader had not come that far', async () => {
    await fill();
    const watch = await barn().watch('a', 'z', 1);
    const ahead = await barn().watch('a', 'z', 4);
    await take(watch, 1);
    await barn().compact(4);
    await expectReason(watch.next(), 'Compacted', 4);
    expect((await take(ahead, 2)).map(short)).to.deep.equal(['4:1', '5:1']);
  });

  it('does nothing for less than before, and refuses the future', async () => {
    await fill();
    await barn().compact(4);
    await barn().compact(4);
    await barn().compact(2);
    expect((await barn().status()).compactRevision).to.equal(4);
    await expectReason(barn().compact(6), 'FutureRevision');
    expect(await barn().readIndex()).to.equal(5);
  });

  it('compacts itself when the history outgrows its bound', async () => {
    const value = 'x'.repeat(50_000);
    for (let index = 0; index < 30; index++) await put(barn(), 'a', value);
    await barn().compact(0);
    const { compactRevision, revision } = await barn().status();
    expect(revision).to.equal(30);
    expect(compactRevision).to.be.within(10, 29);
  });
}

function describeLife(barn: () => Barn): void {
  it('names its one member and says where it stands', async () => {
    await put(barn(), 'a', '1');
    const [member] = await barn().members();
    const status = await barn().status();
    expect(member?.voter).to.equal(true);
    expect([status.name, status.leader]).to.deep.equal([member?.name, member?.name]);
    expect([status.revision, status.compactRevision]).to.deep.equal([1, 0]);
    expect(status.sizeBytes).to.be.greaterThan(1);
  });

  it('streams a consistent copy while writes go on', async () => {
    for (const key of ['a', 'b', 'c']) await put(barn(), key, key.repeat(200_000));
    await remove(barn(), 'b');
    const chunks: Uint8Array[] = [];
    for await (const chunk of barn().snapshot()) {
      chunks.push(chunk);
      await put(barn(), 'a', 'changed');
    }
    expect(chunks.length).to.be.greaterThan(1);
    const copy = await decodeSnapshot(streamOf(chunks));
    expect(copy).to.deep.equal({
      revision: 4,
      items: [kv('a', 'a'.repeat(200_000), 1, 1, 1), kv('c', 'c'.repeat(200_000), 3, 3, 1)],
    });
    chunks[0]?.set([1], 1_000);
    await expectReason(decodeSnapshot(streamOf(chunks)), 'Corrupt');
  });

  it('finishes what was asked for before it closes, then refuses and ends watches', async () => {
    const watch = await barn().watch('a', 'z', 0);
    const next = watch.next();
    const pending = put(barn(), 'a', '1');
    const closing = barn().close();
    expect((await pending).revision).to.equal(1);
    await closing;
    await barn().close();
    expect((await next).value?.revision).to.equal(1);
    await expectReason(watch.next(), 'Closed');
    await expectReason(barn().range('a'), 'Closed');
    await expectReason(put(barn(), 'a', '2'), 'Closed');
    await expectReason(barn().watch('a', 'z', 0), 'Closed');
    await expectReason(barn().readIndex(), 'Closed');
    await expectReason(barn().compact(1), 'Closed');
  });
}

function kv(key: Key, text: string, createRevision: number, modRevision: number, version: number): object {
  return { key, value: new Uint8Array(Buffer.from(text)), createRevision, modRevision, version };
}

function putOf(key: Key, text: string): Operation {
  return { do: 'put', key, value: Buffer.from(text) };
}

function put(barn: Barn, key: Key, text: string): Promise<TxnResult> {
  return barn.txn([], [putOf(key, text)]);
}

function remove(barn: Barn, key: Key): Promise<TxnResult> {
  return barn.txn([], [{ do: 'delete', key }]);
}

async function list(barn: Barn): Promise<readonly object[]> {
  return (await barn.range('', '\x7f')).items;
}

async function keys(barn: Barn, start: Key, end: Key): Promise<readonly Key[]> {
  return (await barn.range(start, end)).items.map(({ key }) => key);
}

/** The next `count` batches of a watch. */
export async function take(
  watch: AsyncIterableIterator<WatchBatch> | undefined,
  count: number,
): Promise<readonly WatchBatch[]> {
  const batches: WatchBatch[] = [];
  while (watch !== undefined && batches.length < count) {
    const result = await watch.next();
    if (result.done === true) throw new Error(`the watch ended after ${batches.length} of ${count} batches`);
    batches.push(result.value);
  }
  return batches;
}

function short({ revision, events }: WatchBatch): string {
  return `${revision}:${events.length}`;
}

/** Whether `promise` settles without anything else happening. */
async function settledWithin(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  promise.then(
    () => (settled = true),
    () => (settled = true),
  );
  await new Promise((resolve) => setImmediate(resolve));
  return settled;
}

/** Expects a refusal for `reason`. */
export async function expectReason(promise: Promise<unknown>, reason: BarnReason, compactRevision = 0): Promise<void> {
  const outcome = await promise.then(
    () => 'success',
    (error: unknown) => error,
  );
  expect(outcome).to.be.instanceOf(BarnError);
  if (!(outcome instanceof BarnError)) return;
  expect(outcome.reason, outcome.message).to.equal(reason);
  if (compactRevision > 0) expect(outcome.compactRevision).to.equal(compactRevision);
}

async function* streamOf(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}
