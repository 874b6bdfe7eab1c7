import { expect } from 'chai';
import { ManualClock, present, silentLog } from '../../base/index.ts';
import { BarnError, type BarnReason } from '../barn.ts';
import { KeyRing, plain, type StoreKeys } from '../keys.ts';
import { defaultLimits } from '../limits.ts';
import { compactEntry, deleteEntry, foundingOfOne, put, putEntry, txnEntry } from './entries.ts';
import { decodeChecked, encodeChecked } from './head.ts';
import { HeldDisk, settle } from './held-disk.ts';
import type { StateMachine } from './machine.ts';
import { openStateMachine } from './open.ts';

describe('what a state finds on its disk', () => {
  let disk: HeldDisk;
  let clock: ManualClock;

  function open(keys?: KeyRing): Promise<StateMachine> {
    clock = new ManualClock();
    return openStateMachine({
      ...{ disk, keys, clock, log: silentLog, limits: defaultLimits },
      founding: foundingOfOne,
    });
  }

  beforeEach(async () => {
    disk = new HeldDisk();
    const machine = await open();
    machine.apply(['1', '2', '3'].map((text, at) => txnEntry(at + 2, { success: [put('z', text), put('a', text)] })));
    machine.apply([compactEntry(5, 2)]);
    await machine.close();
  });

  it('is one record an event, without its key, and two that say what the others are', () => {
    expect([...disk.entries.keys()].sort()).to.deep.equal([
      'd0/0000000000010000',
      'd0/0000000000010001',
      'd0/0000000000020000',
      'd0/0000000000020001',
      'd0/0000000000030000',
      'd0/0000000000030001',
      'm/format',
      'm/head',
    ]);
  });

  for (const [title, reason, message, damage] of [
    [
      'a format from the future',
      'Storage',
      'the store has format 9, and this version of Runink reads format 2: start the version that wrote it',
      () => disk.entries.set('m/format', Buffer.from('9')),
    ],
    [
      'a command format from the future',
      'Storage',
      'the store has command format 2, and this version of Runink knows up to 1: start the newer version here',
      () => change({ format: 2 }),
    ],
    [
      'a flipped bit in a value',
      'Corrupt',
      'state record d0/0000000000030001 is damaged: its checksum does not match',
      () => flip('d0/0000000000030001', -1),
    ],
    [
      'a flipped bit in a checksum',
      'Corrupt',
      'state record d0/0000000000030001 is damaged: its checksum does not match',
      () => flip('d0/0000000000030001', 0),
    ],
    [
      'a record cut short',
      'Corrupt',
      'state record d0/0000000000030001 is damaged: it has 5 bytes',
      () => disk.entries.set('d0/0000000000030001', Buffer.alloc(5)),
    ],
    [
      'a record in the place of another',
      'Corrupt',
      'the store is damaged: state record d0/0000000000030001 belongs elsewhere; let this member begin anew, or put a copy back',
      () => disk.entries.set('d0/0000000000030001', entry('d0/0000000000030000')),
    ],
    [
      'half of a transaction in the middle',
      'Corrupt',
      'the store is damaged: revision 2 is missing or not complete; let this member begin anew, or put a copy back',
      () => disk.entries.delete('d0/0000000000020001'),
    ],
    [
      'half of the last transaction',
      'Corrupt',
      'the store is damaged: revision 3 is not complete; let this member begin anew, or put a copy back',
      () => disk.entries.delete('d0/0000000000030001'),
    ],
    [
      'no trace of the last revision',
      'Corrupt',
      'the store is damaged: the records end at revision 2, but 3 was written; let this member begin anew, or put a copy back',
      () => {
        disk.entries.delete('d0/0000000000030000');
        disk.entries.delete('d0/0000000000030001');
      },
    ],
    [
      'no trace of a version from before the compaction',
      'Corrupt',
      'the store is damaged: it holds 5 versions of keys, but 6 were written; let this member begin anew, or put a copy back',
      () => disk.entries.delete('d0/0000000000010000'),
    ],
    [
      'another history than the one that was written',
      'Corrupt',
      'the store is damaged: the events up to revision 3 have another hash than was written; let this member begin anew, or put a copy back',
      () => change({ hash: 7 }),
    ],
    [
      'no head',
      'Corrupt',
      'the store is damaged: m/head is missing; let this member begin anew, or put a copy back',
      () => disk.entries.delete('m/head'),
    ],
    [
      'a damaged head',
      'Corrupt',
      'state record m/head is damaged: its checksum does not match',
      () => flip('m/head', 9),
    ],
    [
      'a head with a number that is none',
      'Corrupt',
      'state record m/head is damaged: its compactRevision is not what it must be',
      () => change({ compactRevision: -1 }),
    ],
    [
      'something else entirely',
      'Corrupt',
      'the store has no format number, but holds d0/0000000000010000: is this the directory of another program? Name an empty one',
      () => disk.entries.delete('m/format'),
    ],
  ] as [string, BarnReason, string, () => unknown][]) {
    it(`is refused when it is ${title}`, async () => {
      damage();
      expect(await refusal(open())).to.include({ reason, message });
      expect(disk.closed).to.equal(true);
    });
  }

  it('is deleted where compaction dropped it, oldest first, and nothing that is current', async () => {
    const machine = await open();
    machine.apply([deleteEntry(6, 'a'), putEntry(7, 'z', '4'), compactEntry(8, 5)]);
    await machine.close();
    const again = await open();
    await settle();
    expect([...disk.entries.keys()].filter((key) => key.startsWith('d')).sort()).to.deep.equal([
      'd0/0000000000030000',
      'd0/0000000000050000',
    ]);
    expect(again.store.state.range('', '\x7f', {}).items.map(({ key }) => key)).to.deep.equal(['z']);
  });

  it('shows nothing of keys and values when there are keys to encrypt with, and opens with them only', async () => {
    const secret = { id: 'k1', key: Buffer.alloc(32, 7) };
    const ring = new KeyRing([secret]);
    disk = new HeldDisk();
    const machine = await open(ring);
    machine.apply([putEntry(2, 'canary-key', 'canary-value')]);
    await machine.close();
    for (const [key, value] of disk.entries) {
      expect(`${key}${Buffer.from(value).toString('latin1')}`).to.not.include('canary');
    }
    expect((await open(ring)).store.state.get('canary-key')?.version).to.equal(1);
    expect(await refusal(open())).to.have.property('reason', 'Storage');
    const records = [...disk.entries.keys()].filter((key) => key.startsWith('d'));
    flip(present(records[0], 'a record'), -1);
    expect(await refusal(open(ring))).to.have.property('reason', 'Corrupt');
  });

  it('is sealed anew under a new key, and then needs the old one no more', async () => {
    const first = { id: 'first-key', key: Buffer.alloc(32, 1) };
    const second = { id: 'second-key', key: Buffer.alloc(32, 2) };
    // From no key to the first, which is one change of keys as another.
    for (const keys of [
      [first, plain],
      [second, first],
    ] satisfies StoreKeys[]) {
      const machine = await open(new KeyRing(keys));
      machine.apply([deleteEntry(machine.applied.index + 1, 'a'), compactEntry(machine.applied.index + 2, 3)]);
      clock.advance(20);
      await settle();
      await machine.close();
    }
    const machine = await open(new KeyRing([second]));
    expect(machine.store.state.range('', '\x7f', {}).items.map(({ key, version }) => [key, version])).to.deep.equal([
      ['z', 3],
    ]);
    expect(machine.sealing).to.deep.equal({ current: 'second-key', keys: ['second-key'], left: 0 });
    await machine.close();
    for (const value of disk.entries.values())
      expect(Buffer.from(value).toString('latin1')).to.not.include('first-key');
  });

  function change(fields: object): void {
    const head = decodeChecked(entry('m/head'), 'head');
    disk.entries.set('m/head', encodeChecked(Object.assign({}, head, fields)));
  }

  function entry(key: string): Uint8Array {
    return present(disk.entries.get(key), key);
  }

  function flip(key: string, at: number): void {
    const bytes = Uint8Array.from(entry(key));
    const index = at < 0 ? bytes.length + at : at;
    bytes[index] = (bytes[index] ?? 0) ^ 1;
    disk.entries.set(key, bytes);
  }
});

async function refusal(opening: Promise<unknown>): Promise<unknown> {
  const error = await opening.then(
    () => undefined,
    (refused: unknown) => refused,
  );
  expect(error).to.be.instanceOf(BarnError);
  return error;
}
