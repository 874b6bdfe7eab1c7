import { expect } from 'chai';
import { ManualClock, present, silentLog } from '../../base/index.ts';
import type { Barn, BarnError, Operation } from '../barn.ts';
import { expectReason, take } from '../conformance/support.ts';
import { openBarnOn } from '../embedded.ts';
import { type BarnLimits, defaultLimits } from '../limits.ts';
import { HeldDisk, settle } from '../state/held-disk.ts';
import { State } from '../state/state.ts';
import { Store } from '../state/store.ts';
import { GroupCommitter } from './group-commit.ts';

describe('the embedded store and its disk', () => {
  let disk: HeldDisk;
  let barn: Barn;
  let failures: BarnError[];

  async function open(limits: Partial<BarnLimits> = {}): Promise<void> {
    failures = [];
    const onFailed = (error: BarnError) => failures.push(error);
    barn = await openBarnOn(disk, { name: 'one', clock: new ManualClock(), log: silentLog, limits, onFailed });
  }

  beforeEach(async () => {
    disk = new HeldDisk();
    await open();
    disk.holding = true;
  });

  it('shows, tells and answers nothing before it is on disk', async () => {
    const happened: string[] = [];
    const watch = await barn.watch('a', 'z', 0);
    const told = take(watch, 1).then(() => happened.push('told'));
    const answered = barn.txn([], [put('a')]).then(() => happened.push('answered'));
    await settle();
    expect(disk.asked).to.have.length(1);
    expect(happened).to.deep.equal([]);
    expect(await barn.range('a')).to.deep.equal({ revision: 0, items: [], more: false, count: 0 });
    expect(await barn.readIndex()).to.equal(0);
    asked(0).succeed();
    await Promise.all([told, answered]);
    expect((await barn.range('a')).count).to.equal(1);
  });

  it('writes all of a turn at once, and all that comes meanwhile with the next', async () => {
    const first = [barn.txn([], [put('a')]), barn.txn([], [put('b')])];
    await settle();
    const second = ['c', 'd', 'e'].map((key) => barn.txn([], [put(key)]));
    await settle();
    expect(disk.asked.map(keysWritten)).to.deep.equal([['a', 'b']]);
    asked(0).succeed();
    await Promise.all(first);
    await settle();
    expect(disk.asked.map(keysWritten)).to.deep.equal([
      ['a', 'b'],
      ['c', 'd', 'e'],
    ]);
    asked(1).succeed();
    expect((await Promise.all(second)).map(({ revision }) => revision)).to.deep.equal([3, 4, 5]);
  });

  it('decides on what the group before it in the same write does', async () => {
    const create = { target: 'version', key: 'a', op: '=', number: 0 } as const;
    const results = [
      barn.txn([create], [put('a')]),
      barn.txn([create], [put('a')]),
      barn.txn([], [{ do: 'delete', key: 'a' }]),
      barn.txn([create], [put('a')]),
    ];
    await settle();
    asked(0).succeed();
    const all = await Promise.all(results);
    expect(all.map(({ succeeded, revision }) => [succeeded, revision])).to.deep.equal([
      [true, 1],
      [false, 1],
      [true, 2],
      [true, 3],
    ]);
    expect((await barn.range('a')).items[0]?.createRevision).to.equal(3);
  });

  it('ends with Storage when a write fails, for all who wait, and never writes again', async () => {
    const watch = await barn.watch('a', 'z', 0);
    const inWrite = barn.txn([], [put('a')]);
    await settle();
    const behind = [barn.txn([], [put('b')]), barn.txn([], [])];
    const outcomes = [inWrite, ...behind, watch.next()].map((promise) => expectReason(promise, 'Storage'));
    asked(0).fail(new Error('EIO'));
    await Promise.all(outcomes);
    for (const promise of [barn.txn([], [put('c')]), barn.range('a'), barn.readIndex(), barn.watch('a', 'z', 0)]) {
      await expectReason(promise, 'Storage');
    }
    await settle();
    expect(disk.asked).to.have.length(1);
    expect(failures.map(({ reason }) => reason)).to.deep.equal(['Storage']);
    await barn.close();
    expect(disk.closed).to.equal(true);
  });

  it('lets nobody past a failed write, whoever asks', async () => {
    disk.holding = true;
    const store = new Store({ state: new State(), clock: new ManualClock(), limits: defaultLimits });
    const committer = new GroupCommitter({ store, disk, log: silentLog, stale: [], onFailed() {} });
    const request = { compares: [], success: [put('a')], failure: [] };
    const outcome = expectReason(committer.txn(request), 'Storage');
    await settle();
    asked(0).fail(new Error('EIO'));
    await outcome;
    await expectReason(committer.txn(request), 'Storage');
    await expectReason(committer.compact(0), 'Storage');
    await settle();
    expect(disk.asked).to.have.length(1);
  });

  it('answers from a restart what was on disk, not what failed', async () => {
    disk.holding = false;
    await barn.txn([], [put('a')]);
    disk.holding = true;
    const lost = expectReason(barn.txn([], [put('b')]), 'Storage');
    await settle();
    asked(0).fail(new Error('EIO'));
    await lost;
    await barn.close();
    await open();
    expect((await barn.range('', '\x7f')).items.map(({ key }) => key)).to.deep.equal(['a']);
  });

  it('refuses with Overloaded what is too much to wait for the disk', async () => {
    await open({ waitingTxnsMax: 2, waitingBytesMax: 100 });
    const writing = barn.txn([], [put('a')]);
    await settle();
    const waiting = [barn.txn([], [put('b')])];
    await expectReason(barn.txn([], [{ do: 'put', key: 'c', value: Buffer.alloc(101) }]), 'Overloaded');
    waiting.push(barn.txn([], [put('c')]));
    await expectReason(barn.txn([], [put('d')]), 'Overloaded');
    asked(0).succeed();
    await writing;
    await settle();
    asked(1).succeed();
    await Promise.all(waiting);
    expect(await barn.readIndex()).to.equal(3);
  });

  it('deletes what a compaction dropped, oldest first, and nothing that is current', async () => {
    disk.holding = false;
    for (const key of ['a', 'a', 'b', 'a']) await barn.txn([], [put(key)]);
    await barn.txn([], [{ do: 'delete', key: 'b' }]);
    await barn.txn([], [put('c')]);
    await barn.compact(6);
    await settle();
    expect(recordsOn(disk)).to.deep.equal(['d/000000000004/a', 'd/000000000006/c']);
    await barn.close();
    await open();
    expect((await barn.range('', '\x7f')).items.map(({ key }) => key)).to.deep.equal(['a', 'c']);
    expect(await barn.status()).to.include({ revision: 6, compactRevision: 6 });
  });

  it('deletes all of a long history, some with each write', async () => {
    disk.holding = false;
    await Promise.all(Array.from({ length: 2_500 }, () => barn.txn([], [put('a')])));
    await barn.compact(2_500);
    await settle();
    expect(recordsOn(disk)).to.deep.equal(['d/0000000009c3/a', 'd/0000000009c4/a']);
  });

  it('finishes a sweep that was cut short when it opens again', async () => {
    disk.holding = false;
    for (const key of ['a', 'a', 'b', 'a']) await barn.txn([], [put(key)]);
    disk.holding = true;
    const compacting = barn.compact(4);
    await settle();
    asked(0).succeed();
    await compacting;
    await settle();
    expect(disk.asked[1]?.writes).to.deep.equal([{ type: 'del', key: 'd/000000000001/a' }]);
    disk.holding = false;
    await open();
    await settle();
    expect(recordsOn(disk)).to.deep.equal(['d/000000000002/a', 'd/000000000003/b', 'd/000000000004/a']);
  });

  function asked(index: number): HeldDisk['asked'][number] {
    return present(disk.asked[index], `write ${index}`);
  }
});

function put(key: string): Operation {
  return { do: 'put', key, value: Buffer.from('x') };
}

function keysWritten({ writes }: HeldDisk['asked'][number]): readonly string[] {
  return writes.filter(({ key }) => key.startsWith('d/')).map(({ key }) => key.slice(-1));
}

function recordsOn(disk: HeldDisk): readonly string[] {
  return [...disk.entries.keys()].filter((key) => key.startsWith('d/')).sort();
}
