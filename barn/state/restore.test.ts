import { expect } from 'chai';
import { ManualClock, silentLog } from '../../base/index.ts';
import { expectReason, streamOf, take } from '../conformance/support.ts';
import { defaultLimits } from '../limits.ts';
import { compactEntry, confStateOf, deleteEntry, entryOf, foundingOfOne, putEntry } from './entries.ts';
import { HeldDisk, settle } from './held-disk.ts';
import type { Founding, StateMachine } from './machine.ts';
import { openStateMachine } from './open.ts';
import { type Amend, restoreSnapshot } from './restore.ts';

describe('a store restored from a snapshot', () => {
  let chunks: Uint8Array[];
  let disk: HeldDisk;

  const founding: Founding = {
    members: [{ id: 9, name: 'nine', peerUrl: 'https://nine:1', format: 1 }],
    confState: confStateOf([9]),
  };
  const open = (): Promise<StateMachine> =>
    openStateMachine({ disk, keys: undefined, clock: new ManualClock(), log: silentLog, limits: defaultLimits });

  beforeEach(async () => {
    const source = await openStateMachine({
      ...{ disk: new HeldDisk(), keys: undefined, clock: new ManualClock(), log: silentLog, limits: defaultLimits },
      founding: foundingOfOne,
    });
    const alarm = { kind: 'NOSPACE', member: 1 } as const;
    source.apply([
      putEntry(2, 'a', '1'),
      putEntry(3, 'b', '1'),
      putEntry(4, 'a', '2'),
      deleteEntry(5, 'b'),
      entryOf(6, { kind: 'alarm', origin: { session: 1, request: 1 }, alarm, active: true }),
    ]);
    chunks = [];
    for await (const chunk of source.snapshot().chunks) chunks.push(chunk);
    disk = new HeldDisk();
    await restoreSnapshot({ chunks: streamOf(chunks), disk, keys: undefined, founding, raiseRevisionBy: 1_000 });
  });

  it('holds the keys as they were, at a revision nobody has seen, for the new members', async () => {
    const machine = await open();
    const { items, revision } = machine.store.state.range('', '\x7f', {});
    expect(revision).to.equal(1_004);
    expect(items.map(({ key, modRevision, version }) => [key, modRevision, version])).to.deep.equal([['a', 3, 2]]);
    expect(machine.applied).to.deep.equal({ index: 2, term: 1, confState: confStateOf([9]) });
    expect(machine.members).to.deep.equal(founding.members);
    expect(machine.alarms).to.deep.equal([]);
    expect(machine.store.state.range('', '\x7f', { revision }).items).to.deep.equal(items);
  });

  it('is amended above the raised revision, a transaction a revision, the same for every member', async () => {
    const amended = async (): Promise<StateMachine> => {
      disk = new HeldDisk();
      const amend: Amend = (latest) => [
        latest.map(({ key }) => ({ do: 'put', key, value: Buffer.from('amended') })),
        [{ do: 'delete', key: 'never there' }],
        [{ do: 'delete', key: 'a' }],
      ];
      await restoreSnapshot({ chunks: streamOf(chunks), disk, keys: undefined, founding, raiseRevisionBy: 10, amend });
      return open();
    };
    const machine = await amended();
    const { state } = machine.store;
    expect([state.revision, state.compactRevision, state.get('a')]).to.deep.equal([16, 14, undefined]);
    const watch = machine.store.hub.open('a', 'z', 14, { prevValue: true });
    expect((await take(watch, 2)).map(({ events }) => events[0]?.type)).to.deep.equal(['put', 'delete']);
    expect((await amended()).hash).to.equal(machine.hash);
  });

  it('is raised by a thousand million when nobody says by how much', async () => {
    const other = new HeldDisk();
    const { head } = await restoreSnapshot({ chunks: streamOf(chunks), disk: other, keys: undefined, founding });
    expect(head.revision).to.equal(1_000_000_004);
  });

  it('tells whoever comes from the old life that what it knows is compacted', async () => {
    const { store } = await open();
    for (const revision of [1, 3, 4, 5, 1_003]) {
      expect(() => store.hub.open('a', 'z', revision, {})).to.throw('was compacted');
      expect(() => store.state.range('a', 'z', { revision })).to.throw('was compacted');
    }
  });

  it('goes on: writes, watches, compaction, restarts', async () => {
    const machine = await open();
    const watch = machine.store.hub.open('a', 'z', 1_004, { prevValue: true });
    machine.apply([putEntry(3, 'a', '3')]);
    const [batch] = await take(watch, 1);
    expect([batch?.revision, batch?.events[0]?.prev?.modRevision]).to.deep.equal([1_005, 3]);
    const { hash } = machine;
    await machine.close();
    const again = await open();
    expect([again.hash, again.store.state.revision]).to.deep.equal([hash, 1_005]);
    again.apply([compactEntry(4, 1_005)]);
    await settle();
    await again.close();
    const last = await open();
    expect(last.store.state.range('', '\x7f', {}).items.map(({ version }) => version)).to.deep.equal([3]);
  });

  it('hands itself to a member that joins', async () => {
    const machine = await open();
    machine.apply([putEntry(3, 'c', '1')]);
    disk = new HeldDisk();
    const joining = await open();
    await joining.install(machine.snapshot().chunks);
    expect([joining.hash, joining.store.state.revision]).to.deep.equal([machine.hash, 1_005]);
    await joining.close();
    expect((await open()).hash).to.equal(machine.hash);
  });

  it('is not made over another one, nor from a damaged snapshot', async () => {
    await expectReason(restoreSnapshot({ chunks: streamOf(chunks), disk, keys: undefined, founding }), 'Storage');
    const whole = Buffer.concat(chunks);
    const other = new HeldDisk();
    const cut = streamOf([whole.subarray(0, -1)]);
    await expectReason(restoreSnapshot({ chunks: cut, disk: other, keys: undefined, founding }), 'Corrupt');
    expect(other.entries.size).to.equal(0);
  });
});
