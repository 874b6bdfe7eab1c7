import { expect } from 'chai';
import { ApiError, kinds, type Lease } from '../../apis/index.ts';
import { ManualClock, silentLog } from '../../base/index.ts';
import { MemoryClient } from '../../client/index.ts';
import { LeaderElection, type LeaderElectionOptions } from './index.ts';

const lease = { namespace: 'runink-system', name: 'runink-scheduler' };

describe('LeaderElection', () => {
  let api: MemoryClient;
  let clock: ManualClock;
  let contenders: Contender[];

  beforeEach(() => {
    clock = new ManualClock();
    api = new MemoryClient({ clock });
    contenders = [];
  });
  afterEach(async () => {
    for (const contender of contenders) contender.stop();
    await pass(30_000);
    await Promise.all(contenders.map(({ ended }) => ended));
  });

  it('takes a lease that nobody has, renews it and releases it', async () => {
    const a = contend('a');
    await settle();
    expect(a.epoch).to.equal('a/0');
    const first = (await read()).spec?.renewTime;
    await pass(3_100);
    expect((await read()).spec?.renewTime).not.to.equal(first);
    a.stop();
    await a.ended;
    expect([(await read()).spec?.holderIdentity, a.epoch]).to.deep.equal(['', undefined]);
  });

  it('leaves a renewed lease alone, and takes a released one at once, counting the change', async () => {
    const a = contend('a');
    await settle();
    const b = contend('b');
    await pass(60_000);
    expect([a.epoch, b.epoch]).to.deep.equal(['a/0', undefined]);
    a.stop();
    await pass(1_100);
    expect(b.epoch).to.equal('b/1');
  });

  it('takes a lease that it did not see change for its duration, whatever times stand in it', async () => {
    const future = new Date(clock.now() + 86_400_000).toISOString();
    await api.create(kinds.leases, leaseOf('dead', 4, future));
    const a = contend('a');
    await pass(9_000);
    expect(a.epoch).to.equal(undefined);
    await pass(2_100);
    expect(a.epoch).to.equal('a/5');
  });

  it('does not wait for one that is known to be gone', async () => {
    await api.create(kinds.leases, leaseOf('dead', 4));
    const a = contend('a', { isGone: async (identity) => identity === 'dead' });
    await settle();
    expect(a.epoch).to.equal('a/5');
  });

  it('has a new epoch in each life, also under the same identity', async () => {
    await api.create(kinds.leases, leaseOf('a', 4));
    const a = contend('a');
    await settle();
    expect(a.epoch).to.equal('a/5');
  });

  it('stops leading when another took the lease', async () => {
    const a = contend('a');
    await settle();
    await api.patch(kinds.leases, lease, {
      type: 'merge',
      body: { spec: { holderIdentity: 'thief', leaseTransitions: 9 } },
    });
    await pass(3_100);
    expect(a.epoch).to.equal(undefined);
    expect((await read()).spec?.holderIdentity).to.equal('thief');
  });

  it('goes on when the lease only got a label', async () => {
    const a = contend('a');
    await settle();
    await api.patch(kinds.leases, lease, { type: 'merge', body: { metadata: { labels: { x: 'y' } } } });
    await pass(7_000);
    expect([a.epoch, a.leads]).to.deep.equal(['a/0', 1]);
  });

  it('outlasts a short outage and stops before its lease runs out in a long one', async () => {
    const a = contend('a');
    await settle();
    api.failWith(() => new ApiError('ServiceUnavailable', 'down'));
    await pass(5_000);
    expect(a.epoch).to.equal('a/0');
    await pass(4_000);
    expect(a.epoch).to.equal(undefined);
    api.failWith();
    await pass(2_000);
    expect(a.epoch).to.equal('a/1');
  });

  it('never has two leaders at a time', async () => {
    for (const name of ['a', 'b', 'c']) contend(name);
    let outages = 0;
    for (let ms = 0; ms < 120_000; ms += 500) {
      if (ms % 15_000 === 0) {
        const isDown = outages++ % 2 === 0;
        api.failWith(isDown ? () => new ApiError('ServiceUnavailable', 'down') : undefined);
      }
      await pass(500);
      expect(contenders.filter(({ epoch }) => epoch !== undefined).length).to.be.at.most(1);
    }
    expect(contenders.reduce((sum, { leads }) => sum + leads, 0)).to.be.greaterThan(2);
  });

  interface Contender {
    epoch: string | undefined;
    leads: number;
    stop(): void;
    ended: Promise<void>;
  }

  function contend(identity: string, more: Partial<LeaderElectionOptions> = {}): Contender {
    const abort = new AbortController();
    const election = new LeaderElection({ client: api, clock, log: silentLog }, { lease, identity, ...more });
    const contender: Contender = { epoch: undefined, leads: 0, stop: () => abort.abort(), ended: Promise.resolve() };
    contender.ended = election.run(async (epoch, signal) => {
      contender.epoch = epoch;
      contender.leads++;
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      contender.epoch = undefined;
    }, abort.signal);
    contenders.push(contender);
    return contender;
  }

  async function pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 100) {
      clock.advance(100);
      await settle();
    }
  }
  const read = (): Promise<Lease> => api.get(kinds.leases, lease);
});

const leaseOf = (holderIdentity: string, leaseTransitions: number, renewTime?: string): Lease => ({
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  metadata: lease,
  spec: { holderIdentity, leaseTransitions, leaseDurationSeconds: 10, ...(renewTime !== undefined && { renewTime }) },
});
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
