import { expect } from 'chai';
import { ApiError, kinds, wellKnown } from '../apis/index.ts';
import { ManualClock, seededRandom, silentLog } from '../base/index.ts';
import { MemoryClient } from '../client/index.ts';
import { keepLease, leaveNode, type NodeFacts, registerNode } from './node-registration.ts';

const facts: NodeFacts = {
  name: 'n1',
  capacity: { cpuMillis: 2000, memoryBytes: 1000, slices: 10 },
  allocatable: { cpuMillis: 1500, memoryBytes: 500, slices: 10 },
  isolation: 'full',
  volumes: ['data:rw', 'uid-1/own'],
  hostname: 'host',
  architecture: 'amd64',
  kernelVersion: '6',
  osImage: 'Debian',
  bootId: 'boot',
  version: '0.1.0',
};

describe('runi-agent: node registration', () => {
  const setUp = () => {
    const clock = new ManualClock();
    const client = new MemoryClient({ clock });
    return { clock, client, deps: { client, clock, random: seededRandom(1), log: silentLog } };
  };
  /** Lets what is under way go on until it waits for the clock. */
  const settle = () => new Promise((resolve) => setTimeout(resolve, 10));

  it('creates the Node, keeps its taints and the time of its condition, and says when it stops', async () => {
    const { client, clock, deps } = setUp();
    const { signal } = new AbortController();
    await registerNode(facts, () => [], deps, signal);
    const first = await client.get(kinds.nodes, { name: 'n1' });
    expect(first.status?.allocatable).to.deep.equal({ cpu: '1500m', memory: '500', slices: '10' });
    expect(first.status?.volumes).to.deep.equal(['data:rw', 'uid-1/own']);
    await client.update(kinds.nodes, { ...first, spec: { unschedulable: true } });
    clock.advance(60_000);
    await registerNode(facts, () => [], deps, signal);
    const again = await client.get(kinds.nodes, { name: 'n1' });
    expect(again.spec?.unschedulable).to.equal(true);
    const timeOf = (node: typeof again) => node.status?.conditions?.[0]?.lastTransitionTime;
    expect(timeOf(again)).to.equal(timeOf(first));
    await leaveNode(facts, deps);
    const left = await client.get(kinds.nodes, { name: 'n1' });
    expect(left.status?.conditions?.[0]).to.include({ type: 'Ready', status: 'False', reason: 'AgentStopped' });
  });

  it('tells a restored store, and one that does not know it, what ran here, and keeps that told', async () => {
    const { client, deps } = setUp();
    const { signal } = new AbortController();
    const register = (...attempts: string[]) => registerNode(facts, () => attempts, deps, signal);
    const told = async () => (await client.get(kinds.nodes, { name: 'n1' })).status?.attempts;
    expect([await register('r/g/1'), await told()]).to.deep.equal([true, ['r/g/1']]);
    expect([await register('r/g/2'), await told()]).to.deep.equal([false, ['r/g/1']]);
    const node = await client.get(kinds.nodes, { name: 'n1' });
    const restored = { key: wellKnown.restoredTaint, effect: 'NoExecute' } as const;
    await client.update(kinds.nodes, { ...node, spec: { taints: [restored] } });
    expect([await register('r/g/2'), await told()]).to.deep.equal([true, ['r/g/2']]);
    await leaveNode(facts, deps);
    expect(await told()).to.deep.equal(['r/g/2']);
  });

  it('renews the Lease every ten seconds, through a time without API', async () => {
    const { client, clock, deps } = setUp();
    const stopping = new AbortController();
    const keeping = keepLease('n1', deps, stopping.signal);
    const renewed = async () =>
      (await client.get(kinds.leases, { namespace: 'runink-node-lease', name: 'n1' })).spec?.renewTime;
    await settle();
    const first = await renewed();
    clock.advance(10_000);
    await settle();
    expect(await renewed()).to.not.equal(first);
    client.failWith(() => new ApiError('ServiceUnavailable', 'away'));
    clock.advance(10_000);
    await settle();
    client.failWith();
    const before = await renewed();
    clock.advance(10_000);
    await settle();
    expect(await renewed()).to.not.equal(before);
    stopping.abort();
    await keeping;
  });
});
