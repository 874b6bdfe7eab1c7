import { expect } from 'chai';
import { ManualClock, present } from '../../base/index.ts';
import type { BarnError } from '../barn.ts';
import { expectReason, settledWithin } from '../conformance/support.ts';
import { confStateOf } from './entries.ts';
import { HeldDisk, settle } from './held-disk.ts';
import { defaultWriterTimers, LaggingWriter, type WriterTimers } from './lagging-writer.ts';

describe('the lagging writer', () => {
  let clock: ManualClock;
  let disk: HeldDisk;
  let writer: LaggingWriter;
  let applied: number;
  let durable: number[];
  let written: number[];
  let failures: BarnError[];

  function open(timers: Partial<WriterTimers> = {}): void {
    clock = new ManualClock();
    disk = new HeldDisk();
    disk.holding = true;
    applied = 0;
    durable = [];
    written = [];
    failures = [];
    writer = new LaggingWriter({
      disk,
      clock,
      timers: { ...defaultWriterTimers, ...timers },
      owner: {
        head: () => ({
          write: { type: 'put', key: 'head', value: Buffer.from(String(applied)) },
          applied: { index: applied, term: 1, confState: confStateOf([1]) },
          revision: applied,
        }),
        written: ({ revision }) => written.push(revision),
        durable: ({ index }) => durable.push(index),
        failed: (error) => failures.push(error),
      },
    });
  }

  beforeEach(() => open());

  it('starts a batch 20 ms after the first thing in it, with all that came until then and the head that fits', async () => {
    apply('a');
    clock.advance(19);
    apply('b');
    expect(disk.asked).to.have.length(0);
    clock.advance(1);
    expect(batch(0)).to.deep.equal(['a', 'b', 'head=2']);
  });

  it('starts earlier when enough waits, once the state is whole', () => {
    open({ batchOperations: 2 });
    writer.add(putOf('a'));
    writer.add(putOf('b'));
    writer.add(putOf('c'));
    expect(disk.asked).to.have.length(0);
    applied = 3;
    writer.kick();
    expect(batch(0)).to.deep.equal(['a', 'b', 'c', 'head=3']);
  });

  it('writes one batch at a time; what comes meanwhile makes the next', async () => {
    apply('a');
    clock.advance(20);
    apply('b');
    clock.advance(100);
    expect(disk.asked).to.have.length(1);
    asked(0).succeed();
    await settle();
    expect(batch(1)).to.deep.equal(['b', 'head=2']);
  });

  it('syncs after a time, also when nothing more comes, and says what is durable then only', async () => {
    apply('a');
    clock.advance(20);
    asked(0).succeed();
    await settle();
    expect([asked(0).sync, durable]).to.deep.equal([false, []]);
    clock.advance(4_979);
    expect(disk.asked).to.have.length(1);
    clock.advance(1);
    expect([asked(1).sync, batch(1)]).to.deep.equal([true, ['head=1']]);
    expect(durable).to.deep.equal([]);
    asked(1).succeed();
    await settle();
    expect(durable).to.deep.equal([1]);
    clock.advance(60_000);
    expect(disk.asked).to.have.length(2);
  });

  it('syncs after so many bytes', async () => {
    open({ syncBytes: 1_000 });
    apply('a');
    clock.advance(20);
    asked(0).succeed();
    await settle();
    apply('b', 800);
    clock.advance(20);
    expect([asked(0).sync, asked(1).sync]).to.deep.equal([false, true]);
  });

  it('says what a synced batch held, not what was applied since', async () => {
    open({ syncBytes: 1 });
    apply('a');
    clock.advance(20);
    apply('b');
    asked(0).succeed();
    await settle();
    expect(durable).to.deep.equal([1]);
  });

  it('deletes what was dropped after what was written before, in order, some with each batch', async () => {
    open({ choresPerBatch: 3 });
    writer.add(putOf('a'));
    writer.later(() => undefined);
    for (const key of ['a', 'b', 'c']) writer.later(() => ({ type: 'del', key }));
    writer.kick();
    clock.advance(20);
    expect(batch(0)).to.deep.equal(['a', '-a', '-b', 'head=0']);
    asked(0).succeed();
    await settle();
    expect(batch(1)).to.deep.equal(['-c', 'head=0']);
  });

  it('comes to the end of a backlog only when what was dropped before is deleted', async () => {
    open({ choresPerBatch: 2 });
    for (const key of ['a', 'b', 'c']) writer.later(() => ({ type: 'del', key }));
    const ended = writer.setBacklog([putOf('d')].values());
    expect(batch(0)).to.deep.equal(['-a', '-b', 'head=0']);
    asked(0).succeed();
    await settle();
    expect(batch(1)).to.deep.equal(['-c', 'd', 'head=0']);
    expect(await ended).to.equal(true);
  });

  it('asks to wait while too much does, and no longer', async () => {
    open({ lagBytesMax: 1_000 });
    apply('a', 900);
    clock.advance(20);
    const room = present(writer.room(), 'a full writer');
    expect(await settledWithin(room)).to.equal(false);
    asked(0).succeed();
    await room;
    expect(writer.room()).to.equal(undefined);
  });

  it('forgets what waits when the state is another one, and syncs its head next', async () => {
    apply('a');
    clock.advance(20);
    apply('b');
    writer.later(() => ({ type: 'del', key: 'c' }));
    applied = 9;
    const replaced = writer.replaced();
    apply('d');
    asked(0).succeed();
    await settle();
    expect(await settledWithin(replaced)).to.equal(false);
    expect([asked(1).sync, batch(1)]).to.deep.equal([true, ['d', 'head=10']]);
    asked(1).succeed();
    await replaced;
    expect(durable).to.deep.equal([10]);
  });

  it('writes and syncs the rest when it closes', async () => {
    apply('a');
    const closing = writer.close();
    await settle();
    expect([asked(0).sync, batch(0)]).to.deep.equal([true, ['a', 'head=1']]);
    asked(0).succeed();
    await closing;
    expect(durable).to.deep.equal([1]);
  });

  it('syncs when it closes what was written without', async () => {
    apply('a');
    clock.advance(20);
    asked(0).succeed();
    await settle();
    const closing = writer.close();
    await settle();
    expect([asked(1).sync, batch(1)]).to.deep.equal([true, ['head=1']]);
    asked(1).succeed();
    await closing;
  });

  it('never writes again after a failure, and tells all who wait', async () => {
    open({ lagBytesMax: 1 });
    apply('a');
    clock.advance(20);
    const room = present(writer.room(), 'a full writer');
    const replaced = writer.replaced();
    const outcomes = [room, replaced].map((promise) => expectReason(promise, 'Storage'));
    asked(0).fail(new Error('EIO'));
    await Promise.all(outcomes);
    apply('b');
    clock.advance(60_000);
    await settle();
    expect(disk.asked).to.have.length(1);
    expect(failures.map(({ reason }) => reason)).to.deep.equal(['Storage']);
    await expectReason(present(writer.room(), 'a failed writer'), 'Storage');
    await writer.close();
  });

  it('says that what it should have written last failed', async () => {
    apply('a');
    const closing = expectReason(writer.close(), 'Storage');
    await settle();
    asked(0).fail(new Error('EIO'));
    await closing;
    expect(failures.map(({ reason }) => reason)).to.deep.equal(['Storage']);
  });

  function apply(key: string, bytes = 0): void {
    writer.add(putOf(key, bytes));
    applied++;
    writer.kick();
  }

  function asked(index: number): HeldDisk['asked'][number] {
    return present(disk.asked[index], `write ${index}`);
  }

  function batch(index: number): readonly string[] {
    return asked(index).writes.map((write) =>
      write.type === 'del'
        ? `-${write.key}`
        : write.key === 'head'
          ? `head=${Buffer.from(write.value).toString()}`
          : write.key,
    );
  }
});

function putOf(key: string, bytes = 0): { readonly type: 'put'; readonly key: string; readonly value: Uint8Array } {
  return { type: 'put', key, value: Buffer.alloc(bytes) };
}
