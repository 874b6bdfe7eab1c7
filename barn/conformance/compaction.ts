// Compaction: what is forgotten and what stays. Part of the suite of every twin.
import { expect } from 'chai';
import type { Barn } from '../barn.ts';
import { expectReason, kv, list, put, remove, short, take } from './support.ts';

/** Declares this part for the store that `barn` gives. */
export function describeCompaction(barn: () => Barn): void {
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
