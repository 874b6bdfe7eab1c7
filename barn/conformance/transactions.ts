// Transactions: revisions, versions, comparisons, refusals. Part of the suite of every twin.
import { expect } from 'chai';
import { type Barn, type BarnReason, type Compare, type Operation, prefixEnd } from '../barn.ts';
import { expectReason, kv, list, put, putOf, remove } from './support.ts';

/** Declares this part for the store that `barn` gives. */
export function describeTransactions(barn: () => Barn): void {
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
