import { expect } from 'chai';
import { ManualClock, present, seededRandom, silentLog } from '../../base/index.ts';
import { BarnError, type WatchBatch } from '../barn.ts';
import { expectReason, streamOf, take } from '../conformance/support.ts';
import { defaultLimits } from '../limits.ts';
import { compactEntry, deleteEntry, foundingOfOne, put, putEntry, txnEntry } from './entries.ts';
import { HeldDisk, settle } from './held-disk.ts';
import type { StateMachine } from './machine.ts';
import { openStateMachine } from './open.ts';
import { verifySnapshot } from './verify-snapshot.ts';

describe('a snapshot of the state', () => {
  let disk: HeldDisk;
  let source: StateMachine;
  let receiver: StateMachine;

  const open = (on: HeldDisk): Promise<StateMachine> =>
    openStateMachine({
      ...{ disk: on, keys: undefined, clock: new ManualClock(), log: silentLog, limits: defaultLimits },
      founding: foundingOfOne,
    });

  beforeEach(async () => {
    disk = new HeldDisk();
    source = await open(new HeldDisk());
    receiver = await open(disk);
    source.apply([
      putEntry(2, 'a', '1'),
      putEntry(3, 'b', '1'),
      txnEntry(4, { success: [put('a', '2'), put('c', '1')] }),
      deleteEntry(5, 'b'),
      putEntry(6, 'a', '3'),
    ]);
  });

  it('says what it is', async () => {
    source.apply([compactEntry(7, 3)]);
    expect(await verifySnapshot(source.snapshot().chunks)).to.deep.equal({
      revision: 5,
      compactRevision: 3,
      hash: source.hash,
      keys: 2,
      versions: 6,
      bytes: 11,
      index: 7,
      term: 1,
      members: ['one'],
    });
  });

  it('stands for the moment it was asked for, whatever is applied while it is read', async () => {
    source.apply([txnEntry(7, { success: [put('big', 'x'.repeat(300_000)), put('big2', 'x'.repeat(300_000))] })]);
    const { hash } = source;
    const { meta, chunks } = source.snapshot();
    source.apply([putEntry(8, 'a', '4')]);
    const read: Uint8Array[] = [];
    for await (const chunk of chunks) {
      read.push(chunk);
      source.apply([compactEntry(source.applied.index + 1, source.store.state.revision)]);
    }
    expect(read.length).to.be.greaterThan(2);
    expect(meta.index).to.equal(7);
    expect(await verifySnapshot(streamOf(read))).to.include({ index: 7, revision: 6, compactRevision: 0, hash });
  });

  it('is the same bytes from members that stand at the same entry', async () => {
    const twin = await open(new HeldDisk());
    await twin.install(source.snapshot().chunks);
    expect(Buffer.concat(await collect(twin))).to.deep.equal(Buffer.concat(await collect(source)));
  });

  it('is refused as Corrupt with any byte damaged, and nothing has changed', async () => {
    const whole = Buffer.concat(await collect(source));
    receiver.apply([putEntry(2, 'old', '1')]);
    for (let at = 0; at < whole.length; at++) {
      const damaged = Buffer.from(whole);
      damaged[at] = (damaged[at] ?? 0) ^ (1 << (at % 8));
      await expectReason(receiver.install(streamOf(cut(damaged, 100))), 'Corrupt');
    }
    expect(receiver.applied.index).to.equal(2);
    expect(receiver.store.state.get('old')?.modRevision).to.equal(1);
    receiver.apply([putEntry(3, 'old', '2')]);
    await receiver.close();
    const again = await open(disk);
    expect(again.store.state.get('old')?.version).to.equal(2);
    await again.install(source.snapshot().chunks);
    expect(again.hash).to.equal(source.hash);
  });

  it('is refused as Corrupt when it is cut anywhere, or longer', async () => {
    const whole = Buffer.concat(await collect(source));
    for (let length = 0; length < whole.length; length++) {
      await expectReason(verifySnapshot(streamOf([whole.subarray(0, length)])), 'Corrupt');
    }
    await expectReason(verifySnapshot(streamOf([whole, Buffer.alloc(1)])), 'Corrupt');
    await expectReason(verifySnapshot(streamOf([Buffer.concat([whole, Buffer.alloc(40)])])), 'Corrupt');
  });

  it('passes the error of a stream that breaks on, and another try succeeds', async () => {
    const whole = await collect(source);
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield present(whole[0], 'a chunk').subarray(0, 200);
      throw new Error('connection lost');
    }
    const outcome = await receiver.install(broken()).catch((error: unknown) => String(error));
    expect(outcome).to.equal('Error: connection lost');
    await receiver.install(streamOf(whole));
    expect(receiver.hash).to.equal(source.hash);
  });

  it('may come in chunks of any size', async () => {
    const whole = Buffer.concat(await collect(source));
    for (const size of [1, 7, 64, whole.length]) {
      const other = await open(new HeldDisk());
      await other.install(streamOf(cut(whole, size)));
      expect(other.hash).to.equal(source.hash);
    }
  });

  it('is refused where there is no room for it, and nothing has changed', async () => {
    await expectReason(receiver.install(source.snapshot().chunks, 10_000_000), 'NoSpace');
    expect(receiver.applied.index).to.equal(1);
    expect((await receiver.install(source.snapshot().chunks, 20_000_000)).index).to.equal(6);
  });

  it('that came too late changes nothing', async () => {
    const late = await collect(source);
    source.apply([putEntry(7, 'a', '4')]);
    const meta = await source.install(streamOf(late));
    expect([meta.index, source.store.state.get('a')?.version]).to.deep.equal([7, 4]);
  });

  it('lets watchers go on that can, with every event between, and ends the others', async () => {
    source.apply([compactEntry(7, 3)]);
    receiver.apply([putEntry(2, 'a', '1'), putEntry(3, 'b', '1')]);
    const { hub } = receiver.store;
    const caughtUp = hub.open('a', 'z', 0, {});
    const behind = hub.open('a', 'z', 1, {});
    const later = hub.open('a', 'z', 5, {});
    await receiver.install(source.snapshot().chunks);
    expect((await take(caughtUp, 3)).map(told)).to.deep.equal(['3:a,c', '4:b', '5:a']);
    await expectReason(behind.next(), 'Compacted', 3);
    expect((await take(later, 1)).map(told)).to.deep.equal(['5:a']);
    receiver.apply([putEntry(8, 'd', '1')]);
    expect((await take(caughtUp, 1)).map(told)).to.deep.equal(['6:d']);
  });

  it('ends all watchers whose next events it does not have', async () => {
    source.apply([compactEntry(7, 4)]);
    receiver.apply([putEntry(2, 'a', '1'), putEntry(3, 'b', '1')]);
    const { hub } = receiver.store;
    const watches = [hub.open('a', 'z', 0, {}), hub.open('a', undefined, 0, {}), hub.open('a', 'z', 9, {})] as const;
    await receiver.install(source.snapshot().chunks);
    await expectReason(watches[0].next(), 'Compacted', 4);
    await expectReason(watches[1].next(), 'Compacted', 4);
    receiver.apply([8, 9, 10, 11].map((index) => putEntry(index, 'd', '1')));
    expect((await take(watches[2], 1)).map(told)).to.deep.equal(['9:d']);
  });

  it('leaves the disk with one state only', async () => {
    receiver.apply([putEntry(2, 'old', '1')]);
    await receiver.install(source.snapshot().chunks);
    await settle();
    const slots = new Set([...disk.entries.keys()].filter((key) => key.startsWith('d')).map((key) => key.slice(0, 2)));
    expect([...slots]).to.deep.equal(['d1']);
    source.apply([putEntry(7, 'a', '4')]);
    await receiver.install(source.snapshot().chunks);
    await settle();
    expect([...disk.entries.keys()].filter((key) => key.startsWith('d1'))).to.deep.equal([]);
  });

  it('takes in what is applied while the disk is still at it', async () => {
    receiver.apply([putEntry(2, 'old', '1')]);
    const chunks = await collect(source);
    disk.holding = true;
    const installing = receiver.install(streamOf(chunks));
    await settle();
    present(disk.asked.shift(), 'the records').succeed();
    await settle();
    receiver.apply([putEntry(7, 'a', '4')]);
    disk.holding = false;
    for (const { succeed } of disk.asked.splice(0)) succeed();
    await installing;
    await receiver.close();
    const again = await open(disk);
    expect([again.applied.index, again.store.state.get('a')?.version]).to.deep.equal([7, 4]);
  });

  it('ends the store when the disk refuses it', async () => {
    const failures: BarnError[] = [];
    receiver.onFailed((error) => failures.push(error));
    disk.holding = true;
    const installing = expectReason(receiver.install(source.snapshot().chunks), 'Storage');
    await settle();
    present(disk.asked[0], 'the records').fail(new Error('EIO'));
    await installing;
    expect(failures.map(({ reason }) => reason)).to.deep.equal(['Storage']);
    expect(() => receiver.apply([])).to.throw(BarnError);
  });

  it('stops when whoever asked for it does not want it any more', async () => {
    source.apply([txnEntry(7, { success: [put('x', 'x'.repeat(300_000)), put('y', 'x'.repeat(300_000))] })]);
    const abort = new AbortController();
    const { chunks } = source.snapshot(abort.signal);
    const read = async (): Promise<void> => {
      for await (const chunk of chunks) if (chunk.length > 0) abort.abort(new Error('enough'));
    };
    expect(await read().catch((error: unknown) => String(error))).to.equal('Error: enough');
  });

  const seed = Number(process.env['BARN_SEED'] ?? Date.now() % 2 ** 31);

  it(`ends in the clear error whatever its bytes are (seed ${seed})`, async () => {
    const random = seededRandom(seed);
    const below = (limit: number): number => Math.floor(random.next() * limit);
    const whole = Buffer.concat(await collect(source));
    for (let round = 0; round < 2_000; round++) {
      const damaged = Buffer.from(whole);
      for (let change = below(4); change >= 0; change--) damaged[below(whole.length)] = below(256);
      if (damaged.equals(whole)) continue;
      await expectReason(verifySnapshot(streamOf(cut(damaged, 1 + below(500)))), 'Corrupt');
    }
  });
});

async function collect(machine: StateMachine): Promise<readonly Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of machine.snapshot().chunks) chunks.push(chunk);
  return chunks;
}

function cut(bytes: Uint8Array, size: number): readonly Uint8Array[] {
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
    bytes.subarray(index * size, (index + 1) * size),
  );
}

function told({ revision, events }: WatchBatch): string {
  return `${revision}:${events.map(({ kv }) => kv.key).join()}`;
}
