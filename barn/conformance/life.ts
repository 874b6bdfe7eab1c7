// Status, snapshots, closing. Part of the suite of every twin.
import { expect } from 'chai';
import type { Barn } from '../barn.ts';
import { openSnapshot } from '../state/verify-snapshot.ts';
import { expectReason, kv, put, remove, short, streamOf, take } from './support.ts';

/** Declares this part for the store that `barn` gives. */
export function describeLife(barn: () => Barn): void {
  it('names its members, itself and its leader among them, and says where it stands', async () => {
    await put(barn(), 'a', '1');
    const members = await barn().members();
    const status = await barn().status();
    expect(members.every(({ voter }) => voter)).to.equal(true);
    expect(members.map(({ name }) => name)).to.include.members([status.name, status.leader]);
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
    const { state } = await openSnapshot(streamOf(chunks));
    expect(state.range('', '\x7f', {})).to.deep.equal({
      revision: 4,
      more: false,
      count: 2,
      items: [kv('a', 'a'.repeat(200_000), 1, 1, 1), kv('c', 'c'.repeat(200_000), 3, 3, 1)],
    });
    chunks[0]?.set([1], 1_000);
    await expectReason(openSnapshot(streamOf(chunks)), 'Corrupt');
  });

  it('finishes what was asked for before it closes, then refuses and ends watches', async () => {
    const watch = await barn().watch('a', 'z', 0);
    const told = take(watch, 1);
    const pending = put(barn(), 'a', '1');
    const closing = barn().close();
    expect((await pending).revision).to.equal(1);
    await closing;
    await barn().close();
    expect((await told).map(short)).to.deep.equal(['1:1']);
    await expectReason(watch.next(), 'Closed');
    await expectReason(barn().range('a'), 'Closed');
    await expectReason(put(barn(), 'a', '2'), 'Closed');
    await expectReason(barn().watch('a', 'z', 0), 'Closed');
    await expectReason(barn().readIndex(), 'Closed');
    await expectReason(barn().compact(1), 'Closed');
  });
}
