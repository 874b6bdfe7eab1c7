import { expect } from 'chai';
import { type Barn, BarnError, openEtcdBarn, type TxnResult, type WatchBatch } from '../../../barn/index.ts';
import { silentLog, systemClock } from '../../../base/index.ts';
import { etcdUnavailable, startEtcd, type TestEtcd } from '../../support/etcd.ts';

const title = etcdUnavailable === undefined ? 'barn: etcd' : `barn: etcd (skipped: ${etcdUnavailable})`;

(etcdUnavailable === undefined ? describe : describe.skip)(title, function () {
  this.timeout(180_000);
  let etcd: TestEtcd;
  const barns: Barn[] = [];

  afterEach(async () => {
    for (const barn of barns.splice(0)) await barn.close();
    await etcd.stop();
  });

  async function open(options: Partial<Parameters<typeof openEtcdBarn>[0]> = {}): Promise<Barn> {
    const barn = await openEtcdBarn({ endpoints: etcd.endpoints, clock: systemClock, log: silentLog, ...options });
    barns.push(barn);
    return barn;
  }

  it('goes on at another endpoint when a member dies, and its watches miss and double nothing', async () => {
    etcd = await startEtcd(3);
    const barn = await open();
    const seen: WatchBatch[] = [];
    const watch = await barn.watch('k/', 'k0', 1);
    const reading = readInto(watch, seen, () => seen.at(-1)?.events[0]?.kv.key === 'k/end');
    const acknowledged: number[] = [];
    for (const [index, victim] of [...etcd.members, undefined].entries()) {
      for (let write = 0; write < 20; write++) acknowledged.push((await patient(barn, `k/${index}-${write}`)).revision);
      if (index > 0) await etcd.members[index - 1]?.restart();
      await victim?.kill('SIGKILL');
    }
    await patient(barn, 'k/end');
    await reading;
    const revisions = seen.map(({ revision }) => revision);
    expect(revisions).to.deep.equal([...new Set(revisions)].sort((a, b) => a - b));
    expect(acknowledged.filter((revision) => !revisions.includes(revision))).to.deep.equal([]);
  });

  it('says NoLeader when no endpoint answers, and ends its watches then', async () => {
    etcd = await startEtcd(1);
    const barn = await open({ requestMs: 300, leaderlessMs: 300 });
    const watch = await barn.watch('a', 'b', 0);
    await etcd.members[0]?.kill();
    expect(await reasonOf(barn.txn([], [{ do: 'put', key: 'a', value: Buffer.from('1') }]))).to.be.oneOf([
      'NoLeader',
      'Unknown',
    ]);
    expect(await reasonOf(barn.readIndex())).to.equal('NoLeader');
    expect(await reasonOf(watch.next())).to.equal('NoLeader');
    expect(await reasonOf(open({ requestMs: 300 }))).to.equal('NoLeader');
    await etcd.members[0]?.restart();
    await patient(barn, 'a');
    expect((await barn.range('a')).count).to.equal(1);
  });

  it('sends watchers away with Compacted when what they missed was compacted by others', async () => {
    etcd = await startEtcd(1);
    const one = await open();
    const other = await open();
    for (const key of ['a', 'b', 'c']) await patient(one, key);
    await other.compact(3);
    expect((await one.status()).compactRevision).to.equal(3);
    expect(await reasonOf(one.watch('a', 'z', 2))).to.equal('Compacted');
    expect(await reasonOf(one.range('a', 'z', { revision: 2 }))).to.equal('Compacted');
    expect((await one.range('a', 'z', { revision: 3 })).count).to.equal(3);
  });

  it('reads the history of before it was opened, also large revisions in pieces', async () => {
    etcd = await startEtcd(1);
    const one = await open();
    for (let round = 0; round < 4; round++) {
      const operations = Array.from({ length: 5 }, (_, index) => ({
        do: 'put' as const,
        key: `k/${index}`,
        value: Buffer.alloc(1_000_000, round),
      }));
      await one.txn([], operations);
    }
    const late = await open();
    const seen: WatchBatch[] = [];
    const watch = await late.watch('k/', 'k0', 2, { prevValue: true });
    await readInto(watch, seen, () => seen.length === 3);
    expect(seen.map(({ revision, events }) => [revision, events.length])).to.deep.equal([
      [2, 5],
      [3, 5],
      [4, 5],
    ]);
    expect(seen[0]?.events[4]?.prev?.value[0]).to.equal(0);
  });

  it('lives beside others in one etcd, whose writes are progress', async () => {
    etcd = await startEtcd(1);
    const ours = await open({ prefix: 'ours/' });
    const theirs = await open({ prefix: 'theirs/' });
    const watch = await ours.watch('', '\x7f', 0, { progress: true });
    await theirs.txn([], [{ do: 'put', key: 'x', value: Buffer.from('1') }]);
    await ours.txn([], [{ do: 'put', key: 'y', value: Buffer.from('2') }]);
    const seen: WatchBatch[] = [];
    await readInto(watch, seen, () => (seen.at(-1)?.events.length ?? 0) > 0);
    expect(seen.flatMap(({ events }) => events.map(({ kv }) => [kv.key, kv.modRevision]))).to.deep.equal([['y', 2]]);
    expect((await ours.range('', '\x7f')).items.map(({ key }) => key)).to.deep.equal(['y']);
    expect((await theirs.range('', '\x7f')).items.map(({ key }) => key)).to.deep.equal(['x']);
  });
});

async function readInto(
  watch: AsyncIterableIterator<WatchBatch>,
  seen: WatchBatch[],
  isOver: () => boolean,
): Promise<void> {
  for await (const batch of watch) {
    seen.push(batch);
    if (isOver()) return;
  }
}

/** A put that is tried until it is acknowledged. */
async function patient(barn: Barn, key: string): Promise<TxnResult> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await barn.txn([], [{ do: 'put', key, value: Buffer.from('x') }]);
    } catch (error) {
      if (!(error instanceof BarnError) || !['NoLeader', 'Unknown'].includes(error.reason) || attempt > 100)
        throw error;
    }
  }
}

async function reasonOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return 'success';
  } catch (error) {
    return error instanceof BarnError ? error.reason : String(error);
  }
}
