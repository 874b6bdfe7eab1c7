import { expect } from 'chai';
import { ManualClock, present, silentLog } from '../../base/index.ts';
import { type Barn, BarnError, type BarnReason } from '../barn.ts';
import { take } from '../conformance/support.ts';
import { openBarnOn } from '../embedded.ts';
import { HeldDisk } from '../state/held-disk.ts';

describe('what a store finds on its disk', () => {
  let disk: HeldDisk;

  function open(): Promise<Barn> {
    return openBarnOn(disk, { name: 'one', clock: new ManualClock(), log: silentLog });
  }

  beforeEach(async () => {
    disk = new HeldDisk();
    const barn = await open();
    for (const value of ['1', '2', '3']) {
      await barn.txn(
        [],
        [
          { do: 'put', key: 'z', value: Buffer.from(value) },
          { do: 'put', key: 'a', value: Buffer.from(value) },
        ],
      );
    }
    await barn.compact(2);
    await barn.close();
  });

  it('is all there again: revisions, versions, history, the order of events and what was before', async () => {
    const barn = await open();
    const { items } = await barn.range('a', undefined, { revision: 2 });
    expect(items[0]).to.deep.include({ createRevision: 1, modRevision: 2, version: 2 });
    expect(await barn.status()).to.include({ revision: 3, compactRevision: 2 });
    const watch = await barn.watch('a', '~', 2, { prevValue: true });
    const [batch] = await take(watch, 1);
    expect(batch?.events.map(({ kv, prev }) => [kv.key, text(kv.value), text(prev?.value)])).to.deep.equal([
      ['z', '2', '1'],
      ['a', '2', '1'],
    ]);
  });

  for (const [title, reason, message, damage] of [
    [
      'a format from the future',
      'Storage',
      'the store has format 2, and this version of Runink reads format 1: start the version that wrote it',
      () => disk.entries.set('m/format', Buffer.from('2')),
    ],
    [
      'a flipped bit in a value',
      'Corrupt',
      'the record at d/000000000003/a is damaged: its checksum does not match',
      () => flip('d/000000000003/a', -1),
    ],
    [
      'a flipped bit in a checksum',
      'Corrupt',
      'the record at d/000000000003/a is damaged: its checksum does not match',
      () => flip('d/000000000003/a', 0),
    ],
    [
      'a record cut short',
      'Corrupt',
      'the record at d/000000000003/a is damaged: it has 5 bytes',
      () => disk.entries.set('d/000000000003/a', Buffer.alloc(5)),
    ],
    [
      'a record in the place of another',
      'Corrupt',
      'the store is damaged: the record at d/000000000003/a belongs elsewhere; put a copy back, or start with an empty directory',
      () => disk.entries.set('d/000000000003/a', present(disk.entries.get('d/000000000003/z'), 'the record')),
    ],
    [
      'half of a transaction in the middle',
      'Corrupt',
      'the store is damaged: revision 2 is missing or not complete; put a copy back, or start with an empty directory',
      () => disk.entries.delete('d/000000000002/a'),
    ],
    [
      'half of the last transaction',
      'Corrupt',
      'the store is damaged: revision 3 is not complete; put a copy back, or start with an empty directory',
      () => disk.entries.delete('d/000000000003/a'),
    ],
    [
      'no trace of the last revision',
      'Corrupt',
      'the store is damaged: the records end at revision 2, but 3 was written; put a copy back, or start with an empty directory',
      () => {
        disk.entries.delete('d/000000000003/a');
        disk.entries.delete('d/000000000003/z');
      },
    ],
    [
      'no head',
      'Corrupt',
      'the store is damaged: m/head is missing; put a copy back, or start with an empty directory',
      () => disk.entries.delete('m/head'),
    ],
    [
      'a number that is none',
      'Corrupt',
      'the store is damaged: m/compact is not a number; put a copy back, or start with an empty directory',
      () => disk.entries.set('m/compact', Buffer.from('-1')),
    ],
    [
      'something else entirely',
      'Corrupt',
      'the store has no format number, but holds d/000000000001/a: is this the directory of another program? Name an empty one',
      () => disk.entries.delete('m/format'),
    ],
  ] as [string, BarnReason, string, () => unknown][]) {
    it(`is refused when it is ${title}`, async () => {
      damage();
      const error = await open().then(
        () => undefined,
        (refusal: unknown) => refusal,
      );
      expect(error).to.be.instanceOf(BarnError);
      expect(error).to.include({ reason, message });
      expect(disk.closed).to.equal(true);
    });
  }

  function flip(key: string, at: number): void {
    const bytes = Uint8Array.from(present(disk.entries.get(key), key));
    const index = at < 0 ? bytes.length + at : at;
    bytes[index] = (bytes[index] ?? 0) ^ 1;
    disk.entries.set(key, bytes);
  }
});

function text(value: Uint8Array | undefined): string {
  return Buffer.from(value ?? []).toString();
}
