// Ranges: order, limits, earlier revisions. Part of the suite of every twin.
import { expect } from 'chai';
import { type Barn, prefixEnd, type TxnResult } from '../barn.ts';
import { expectReason, keys, kv, list, put, remove } from './support.ts';

/** Declares this part for the store that `barn` gives. */
export function describeRanges(barn: () => Barn): void {
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
