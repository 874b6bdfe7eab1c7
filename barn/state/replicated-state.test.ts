import { expect } from 'chai';
import { ManualClock, silentLog } from '../../base/index.ts';
import { BarnError } from '../barn.ts';
import { take } from '../conformance/support.ts';
import { defaultLimits } from '../limits.ts';
import {
  compactEntry,
  confStateOf,
  deleteEntry,
  entryOf,
  foundingOfOne,
  put,
  putEntry,
  short,
  txnEntry,
} from './entries.ts';
import { HeldDisk, settle } from './held-disk.ts';
import type { CommittedEntry, StateMachine } from './machine.ts';
import { encodeMemberRecord } from './member-record.ts';
import { openStateMachine } from './open.ts';

describe('the state of a member', () => {
  let disk: HeldDisk;
  let clock: ManualClock;
  let machine: StateMachine;

  async function open(): Promise<StateMachine> {
    clock = new ManualClock();
    return openStateMachine({
      disk,
      keys: undefined,
      clock,
      log: silentLog,
      limits: defaultLimits,
      founding: foundingOfOne,
    });
  }

  beforeEach(async () => {
    disk = new HeldDisk();
    machine = await open();
  });

  it('begins with its founders at the first entry, or with nobody before it', async () => {
    expect(machine.applied).to.deep.equal({ index: 1, term: 1, confState: confStateOf([1]) });
    expect(machine.members.map(({ name }) => name)).to.deep.equal(['one']);
    const joining = await openStateMachine({
      disk: new HeldDisk(),
      keys: undefined,
      clock,
      log: silentLog,
      limits: defaultLimits,
    });
    expect(joining.applied).to.deep.equal({ index: 0, term: 0, confState: confStateOf([]) });
    expect(joining.members).to.deep.equal([]);
  });

  it('applies transactions in order and says what came of each', () => {
    const create = { target: 'version', key: 'a', op: '=', number: 0 } as const;
    const outcomes = machine.apply([
      txnEntry(2, { compares: [create], success: [put('a', '1')] }),
      txnEntry(3, { compares: [create], success: [put('a', '2')], failure: [{ do: 'get', key: 'a' }] }),
      deleteEntry(4, 'a'),
    ]);
    expect(outcomes.map(({ origin, result }) => [origin.request, result])).to.deep.equal([
      [2, { succeeded: true, revision: 1, results: [kv('a', '1', 1)] }],
      [3, { succeeded: false, revision: 1, results: [kv('a', '1', 1)] }],
      [4, { succeeded: true, revision: 2, results: [kv('a', '1', 1)] }],
    ]);
    expect(machine.applied.index).to.equal(4);
  });

  it('skips what it has applied, and takes nothing out of order', () => {
    const entries = [putEntry(2, 'a', '1'), putEntry(3, 'a', '2')];
    machine.apply(entries);
    const { hash } = machine;
    expect(machine.apply(entries)).to.deep.equal([]);
    expect([machine.hash, machine.store.state.revision, machine.applied.index]).to.deep.equal([hash, 2, 3]);
    expect(() => machine.apply([putEntry(5, 'a', '3')])).to.throw('entry 5 follows 3');
  });

  it('passes entries that say nothing', () => {
    machine.apply([{ term: 4, index: 2, type: 'EntryNormal', data: new Uint8Array(0) }]);
    expect(machine.applied).to.deep.equal({ index: 2, term: 4, confState: confStateOf([1]) });
    expect(machine.store.state.revision).to.equal(0);
  });

  it('keeps a value without the bytes it came with once its history is compacted', () => {
    const entries = [putEntry(2, 'a', '1'), putEntry(3, 'b', '2'), putEntry(4, 'b', '3'), putEntry(5, 'c', '4')];
    machine.apply(entries);
    const buffersOf = (): readonly unknown[] =>
      ['a', 'b', 'c'].map((key) => machine.store.state.get(key)?.value?.buffer);
    const [a, , b, c] = entries.map(({ data }) => data.buffer);
    expect(buffersOf()).to.deep.equal([a, b, c]);
    machine.apply([compactEntry(6, 4)]);
    const [ownA, ownB, sharedC] = buffersOf();
    expect([ownA, ownB]).to.satisfy((all: ArrayBuffer[]) => all.every(({ byteLength }) => byteLength === 1));
    expect(sharedC).to.equal(c);
    expect(machine.store.state.log.at(4).events[0]?.kv.value?.buffer).to.equal(c);
  });

  it('tells watchers as it applies', async () => {
    const watch = machine.store.hub.open('a', 'z', 0, {});
    machine.apply([putEntry(2, 'a', '1')]);
    expect((await take(watch, 1))[0]?.revision).to.equal(1);
  });

  it('compacts at the entry, and refuses the future', () => {
    machine.apply([putEntry(2, 'a', '1'), putEntry(3, 'a', '2')]);
    expect(short(machine.apply([compactEntry(4, 3), compactEntry(5, 2)]))).to.deep.equal(['FutureRevision', undefined]);
    expect(machine.store.state.compactRevision).to.equal(2);
  });

  it('refuses puts while a disk is nearly full, not reads and deletions, and not for ever', () => {
    const alarm = { kind: 'NOSPACE', member: 1 } as const;
    const origin = { session: 7, request: 1 };
    machine.apply([putEntry(2, 'a', '1'), entryOf(3, { kind: 'alarm', origin, alarm, active: true })]);
    expect(machine.alarms).to.deep.equal([alarm]);
    const outcomes = machine.apply([
      putEntry(4, 'b', '1'),
      txnEntry(5, { success: [{ do: 'get', key: 'a' }] }),
      txnEntry(6, { success: [{ do: 'delete', key: 'a' }], failure: [put('c', '1')] }),
      txnEntry(7, { success: [{ do: 'delete', key: 'a' }, put('c', '1')] }),
      entryOf(8, { kind: 'alarm', origin, alarm, active: false }),
      putEntry(9, 'b', '1'),
    ]);
    expect(short(outcomes)).to.deep.equal(['NoSpace', 1, 2, 'NoSpace', undefined, 3]);
  });

  it('takes a check about what it holds, passes one about what it does not, and ends where it differs', () => {
    machine.apply([putEntry(2, 'a', '1'), putEntry(3, 'a', '2')]);
    const hash = machine.hash;
    machine.apply([
      compactEntry(4, 2),
      entryOf(5, { kind: 'check', revision: 2, hash }),
      entryOf(6, { kind: 'check', revision: 1, hash: 1 }),
      entryOf(7, { kind: 'check', revision: 3, hash: 1 }),
    ]);
    const differing = entryOf(8, { kind: 'check', revision: 2, hash: 0xabc });
    expectThrown(
      () => machine.apply([differing]),
      'Corrupt',
      `at revision 2 its hash is ${hash.toString(16).padStart(8, '0')}, the leader's 00000abc`,
    );
    expectThrown(() => machine.apply([putEntry(9, 'a', '1')]), 'Corrupt', 'at revision 2');
    expect(machine.applied.index).to.equal(7);
  });

  it('ends at an entry that it cannot read, naming it', () => {
    const entry: CommittedEntry = { term: 1, index: 2, type: 'EntryNormal', data: Buffer.from([9, 1]) };
    expectThrown(() => machine.apply([entry]), 'Storage', 'apply entry 2: it has command format 9');
    const damaged: CommittedEntry = { term: 1, index: 2, type: 'EntryNormal', data: Buffer.from([1, 99]) };
    disk = new HeldDisk();
    return open().then((other) => expectThrown(() => other.apply([damaged]), 'Corrupt', 'apply entry 2'));
  });

  it('goes over to a format only when every member knows it, and ends at one it does not know itself', () => {
    const says = (index: number, format: number): CommittedEntry => ({
      ...{ term: 1, index, type: 'EntryConfChangeV2', data: new Uint8Array([1]), confState: confStateOf([1]) },
      confChange: {
        transition: 'auto',
        changes: [{ type: 'ConfChangeUpdateNode', id: 1 }],
        context: encodeMemberRecord({ id: 1, name: 'one', peerUrl: 'https://one:1', format }),
      },
    });
    machine.apply([says(2, 2)]);
    expect([machine.format, machine.formatKnown]).to.deep.equal([1, 2]);
    // It was proposed while the member knew 2, and is applied after an older version was started there.
    machine.apply([says(3, 1), entryOf(4, { kind: 'format', format: 2 })]);
    expect([machine.format, machine.formatKnown]).to.deep.equal([1, 1]);
    machine.apply([says(5, 2)]);
    expectThrown(
      () => machine.apply([entryOf(6, { kind: 'format', format: 2 })]),
      'Storage',
      'the group has command format 2, and this version of Runink knows up to 1: start the newer version here',
    );
  });

  it('gives room back once for all that was deleted, when all of it is', async () => {
    expect(await machine.reclaim()).to.equal(true);
    expect(await machine.reclaim()).to.equal(false);
    machine.apply([putEntry(2, 'a', '1'), putEntry(3, 'a', '2'), putEntry(4, 'a', '3'), compactEntry(5, 3)]);
    expect(await machine.reclaim()).to.equal(false);
    clock.advance(100);
    await settle();
    expect(await machine.reclaim()).to.equal(true);
    expect(disk.reclaimed).to.equal(2);
  });

  it('keeps the book of members, and drops the alarms of who is gone', () => {
    const two = { id: 2, name: 'two', peerUrl: 'https://two:1', format: 1 };
    const change = (index: number, type: 'ConfChangeAddLearnerNode' | 'ConfChangeRemoveNode', learners: number[]) => ({
      term: 1,
      index,
      type: 'EntryConfChangeV2' as const,
      data: new Uint8Array([1]),
      confState: confStateOf([1], learners),
      confChange: {
        transition: 'auto' as const,
        changes: [{ type, id: 2 }],
        ...(type === 'ConfChangeAddLearnerNode' ? { context: encodeMemberRecord(two) } : {}),
      },
    });
    machine.apply([change(2, 'ConfChangeAddLearnerNode', [2])]);
    expect(machine.members.map(({ id }) => id)).to.deep.equal([1, 2]);
    expect(machine.members[1]).to.deep.equal(two);
    expect(machine.applied.confState.learners).to.deep.equal([2]);
    const origin = { session: 7, request: 1 };
    machine.apply([entryOf(3, { kind: 'alarm', origin, alarm: { kind: 'NOSPACE', member: 2 }, active: true })]);
    machine.apply([change(4, 'ConfChangeRemoveNode', [])]);
    expect(machine.members.map(({ id }) => id)).to.deep.equal([1]);
    expect(machine.alarms).to.deep.equal([]);
    machine.apply([{ term: 1, index: 5, type: 'EntryConfChange', data: new Uint8Array([1]) }]);
    expect(machine.applied).to.deep.equal({ index: 5, term: 1, confState: confStateOf([1]) });
  });

  it('writes nothing before all it was given is applied', async () => {
    machine = await openStateMachine({
      ...{ disk, keys: undefined, clock, log: silentLog, limits: defaultLimits, timers: { batchOperations: 1 } },
    });
    const before = disk.written.length;
    machine.apply([putEntry(2, 'a', '1'), putEntry(3, 'a', '2'), compactEntry(4, 2), putEntry(5, 'a', '3')]);
    await settle();
    const opened = await openStateMachine({
      ...{ disk: disk.after(before + 1), keys: undefined, clock, log: silentLog, limits: defaultLimits },
    });
    expect([opened.applied.index, opened.hash]).to.deep.equal([5, machine.hash]);
  });

  it('is what it was when it opens again', async () => {
    machine.apply([
      putEntry(2, 'a', '1'),
      txnEntry(3, { success: [put('b', '1'), put('c', '1'), { do: 'delete', key: 'a' }] }),
      putEntry(4, 'a', '2'),
      compactEntry(5, 2),
    ]);
    const { hash, applied } = machine;
    await machine.close();
    const again = await open();
    expect([again.hash, again.applied, again.durable]).to.deep.equal([hash, applied, applied]);
    expect(again.store.state.range('a', 'z', {}).items.map(({ key }) => key)).to.deep.equal(['a', 'b', 'c']);
    const watch = again.store.hub.open('a', 'z', 2, { prevValue: true });
    const [batch] = await take(watch, 1);
    expect(batch?.events.map(({ kv: { key }, prev }) => [key, prev?.modRevision])).to.deep.equal([
      ['b', undefined],
      ['c', undefined],
      ['a', 1],
    ]);
  });
});

function kv(key: string, text: string, revision: number): object {
  return { key, value: new Uint8Array(Buffer.from(text)), createRevision: revision, modRevision: revision, version: 1 };
}

function expectThrown(act: () => unknown, reason: string, part: string): void {
  try {
    act();
  } catch (error) {
    expect(error).to.be.instanceOf(BarnError);
    expect(error).to.have.property('reason', reason);
    expect(String(error)).to.include(part);
    return;
  }
  expect.fail('nothing was thrown');
}
