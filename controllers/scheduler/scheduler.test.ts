import { expect } from 'chai';
import {
  ApiError,
  type ApiObject,
  type Kind,
  kinds,
  type Lease,
  type Node,
  type Ref,
  type Run,
  type Slice,
} from '../../apis/index.ts';
import { ManualClock, seededRandom, silentLog } from '../../base/index.ts';
import { MemoryClient, type Patch } from '../../client/index.ts';
import { EventRecorder, Informers } from '../kit/index.ts';
import { Scheduler } from './index.ts';

describe('Scheduler', () => {
  let clock: ManualClock;
  let api: MemoryClient;
  let abort: AbortController;
  let end: () => Promise<void>;

  beforeEach(async () => {
    clock = new ManualClock();
    api = new MemoryClient({ clock });
    await api.create(kinds.leases, lease('me', 3));
    end = async () => {};
  });
  afterEach(() => end());

  it('binds a slice when it comes and when a node comes', async () => {
    run();
    await api.create(kinds.slices, slice('a'));
    await settle();
    expect((await get('a')).spec.nodeName).to.equal(undefined);
    await addNode('n1');
    await settle();
    expect((await get('a')).spec.nodeName).to.equal('n1');
    await api.create(kinds.slices, slice('b'));
    await settle();
    expect((await get('b')).spec.nodeName).to.equal('n1');
  });

  it('writes a waiting slice only what matters: create and bind', async () => {
    await addNode('n1');
    run();
    const before = api.writes;
    await api.create(kinds.slices, slice('a'));
    await settle();
    expect(api.writes - before).to.equal(2);
  });

  it('places a group when all of it is there, on one node', async () => {
    await addNode('n1', '600m');
    await addNode('n2', '1');
    run();
    const group = { group: 'g', groupSize: 2, cpuMillis: 500 };
    await api.create(kinds.slices, slice('a', group));
    await settle();
    expect((await get('a')).spec.nodeName).to.equal(undefined);
    await api.create(kinds.slices, slice('b', { ...group, step: 't' }));
    await settle();
    expect([(await get('a')).spec.nodeName, (await get('b')).spec.nodeName]).to.deep.equal(['n2', 'n2']);
  });

  it('binds the rest of a group that its predecessor bound in part where that is', async () => {
    for (const name of ['n1', 'n2']) await addNode(name);
    const group = { group: 'g', groupSize: 2 };
    const a = await api.create(kinds.slices, slice('a', group));
    await api.create(kinds.slices, slice('b', { ...group, step: 't' }));
    const resourceVersion = a.metadata.resourceVersion ?? '';
    await api.bind({ namespace: 'default', name: 'a' }, { nodeName: 'n2', resourceVersion, epoch: 'me/3' });
    run();
    await settle();
    expect((await get('b')).spec.nodeName).to.equal('n2');
  });

  it('starts nothing of an attempt that is void already', async () => {
    await addNode('n1');
    const group = { group: 'g', groupSize: 2 };
    const a = await api.create(kinds.slices, slice('a', group));
    await api.updateStatus(kinds.slices, { ...a, status: { phase: 'Failed' } });
    await api.create(kinds.slices, slice('b', { ...group, step: 't' }));
    run();
    await settle();
    expect((await get('b')).spec.nodeName).to.equal(undefined);
  });

  it('gives no more than a node has, and what an ended slice leaves to the next', async () => {
    await addNode('n1', '1');
    run();
    for (const name of ['a', 'b', 'c']) await api.create(kinds.slices, slice(name, { cpuMillis: 500 }));
    await settle();
    const bound = async (): Promise<string[]> =>
      (await api.list(kinds.slices)).items.flatMap((one) =>
        one.spec.nodeName === undefined ? [] : [one.metadata.name ?? ''],
      );
    expect(await bound()).to.have.length(2);
    const [first = ''] = await bound();
    await api.patch(
      kinds.slices,
      ref(first),
      { type: 'merge', body: { status: { phase: 'Succeeded' } } },
      { subresource: 'status' },
    );
    await settle();
    expect(await bound()).to.have.length(3);
  });

  it('counts what was bound before it came', async () => {
    await addNode('n1', '1');
    const a = await api.create(kinds.slices, slice('a', { cpuMillis: 800 }));
    const resourceVersion = a.metadata.resourceVersion ?? '';
    await api.bind(ref('a'), { nodeName: 'n1', resourceVersion, epoch: 'me/3' });
    await api.create(kinds.slices, slice('b', { cpuMillis: 300 }));
    run();
    await settle();
    expect((await get('b')).spec.nodeName).to.equal(undefined);
    await api.patch(
      kinds.slices,
      ref('a'),
      { type: 'merge', body: { status: { phase: 'Failed' } } },
      { subresource: 'status' },
    );
    await settle();
    expect((await get('b')).spec.nodeName).to.equal('n1');
  });

  it('schedules again when the quota of a herd changes', async () => {
    await addNode('n1');
    await api.patch(kinds.herds, { name: 'default' }, { type: 'merge', body: { spec: { quota: { slices: 0 } } } });
    run();
    await api.create(kinds.slices, slice('a'));
    await settle();
    expect((await get('a')).spec.nodeName).to.equal(undefined);
    await api.patch(kinds.herds, { name: 'default' }, { type: 'merge', body: { spec: { quota: { slices: 1 } } } });
    await settle();
    expect((await get('a')).spec.nodeName).to.equal('n1');
  });

  it('waits for the run of a slice, and heeds the volumes in its plan', async () => {
    await addNode('n1', '1', ['data']);
    await addNode('n2', '2', ['data:rw']);
    const made = await api.create(kinds.runs, runWith('data'));
    run();
    await api.create(kinds.slices, slice('a', { runUID: made.metadata.uid ?? '', group: 's' }));
    await settle();
    expect((await get('a')).spec.nodeName).to.equal('n2');
    await api.create(kinds.slices, slice('b', { runUID: 'another', group: 's' }));
    await settle();
    expect((await get('b')).spec.nodeName).to.equal(undefined);
  });

  it('says at once why a slice can never run, once, with an Event', async () => {
    await addNode('n1', '1');
    run();
    const before = api.writes;
    await api.create(kinds.slices, slice('a', { cpuMillis: 2500 }));
    await settle();
    const message = '0/1 nodes fit: 1 insufficient cpu (nearest n1 short 1500m)';
    expect((await get('a')).status).to.deep.equal({ phase: 'Pending', reason: 'Unschedulable', message });
    await api.patch(kinds.nodes, { name: 'n1' }, { type: 'merge', body: { metadata: { labels: { a: 'b' } } } });
    await settle();
    expect(api.writes - before).to.equal(4);
    const [event] = (await api.list(kinds.events)).items;
    expect([event?.reason, event?.involvedObject.name, event?.message, event?.count]).to.deep.equal([
      'Unschedulable',
      'a',
      message,
      1,
    ]);
  });

  it('does not say of a slice that runs by now that it waits', async () => {
    const placed = await api.create(kinds.slices, slice('a', { cpuMillis: 5_000 }));
    const { patch } = api;
    let isPlaced = false;
    // As a slow scheduler's note would come, after the next one has placed the slice.
    api.patch = async <T extends ApiObject>(
      kind: Kind<T>,
      to: Ref,
      what: Patch,
      options?: { subresource?: 'status' },
    ) => {
      if (!isPlaced && kind.kind === 'Slice') {
        isPlaced = true;
        const bound = { ...placed, status: { phase: 'Running' } } as const;
        await api.updateStatus(kinds.slices, bound);
      }
      return patch.call(api, kind, to, what, options) as Promise<T>;
    };
    await addNode('n1', '1');
    run();
    await settle();
    expect([isPlaced, (await get('a')).status?.phase]).to.deep.equal([true, 'Running']);
  });

  it('tells one that only waits for others late', async () => {
    await addNode('n1', '1');
    run();
    await api.create(kinds.slices, slice('a', { cpuMillis: 1000 }));
    await settle();
    await api.create(kinds.slices, slice('b', { cpuMillis: 1000 }));
    await pass(29_000);
    expect((await get('b')).status).to.deep.equal({ phase: 'Pending' });
    await pass(1_500);
    expect((await get('b')).status?.message).to.equal('0/1 nodes fit: 1 insufficient cpu (nearest n1 short 1)');
  });

  it('binds nothing under an epoch that is over', async () => {
    await addNode('n1');
    run('me/2');
    await api.create(kinds.slices, slice('a'));
    await settle();
    expect((await get('a')).spec.nodeName).to.equal(undefined);
  });

  it('begins when the API answers, and ends quietly when it never does', async () => {
    await addNode('n1');
    await api.create(kinds.slices, slice('a'));
    api.failWith(() => new ApiError('ServiceUnavailable', 'down'));
    run();
    await pass(1_000);
    api.failWith();
    await pass(6_000);
    expect((await get('a')).spec.nodeName).to.equal('n1');
    await end();
    api.failWith(() => new ApiError('ServiceUnavailable', 'down'));
    run();
    await settle();
    await end();
    end = async () => {};
  });

  it('goes on after the API failed', async () => {
    await addNode('n1');
    run();
    await settle();
    await api.create(kinds.slices, slice('a'));
    api.failWith(() => new ApiError('Timeout', 'who knows'));
    await settle();
    api.failWith();
    await pass(1_000);
    expect((await get('a')).spec.nodeName).to.equal('n1');
  });

  function run(epoch = 'me/3'): void {
    abort = new AbortController();
    const deps = { client: api, clock, random: seededRandom(1), log: silentLog };
    const informers = new Informers(deps);
    const recorder = new EventRecorder({ ...deps, component: 'runink-scheduler' });
    const running = new Scheduler({ ...deps, informers, recorder }, epoch).run(abort.signal);
    end = async () => {
      abort.abort();
      await running;
      await recorder[Symbol.asyncDispose]();
      await informers[Symbol.asyncDispose]();
    };
  }

  async function pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 500) {
      clock.advance(500);
      await settle();
    }
  }
  async function addNode(...of: Parameters<typeof node>): Promise<void> {
    const { status } = node(...of);
    const made = await api.create(kinds.nodes, node(...of));
    await api.updateStatus(kinds.nodes, { ...made, ...(status !== undefined && { status }) });
  }
  const get = (name: string): Promise<Slice> => api.get(kinds.slices, ref(name));
});

const ref = (name: string): { namespace: string; name: string } => ({ namespace: 'default', name });

const slice = (name: string, spec: Partial<Slice['spec']> = {}): Slice => ({
  apiVersion: 'runink.io/v1',
  kind: 'Slice',
  metadata: ref(name),
  spec: { run: 'r', step: name, attempt: 1, cpuMillis: 100, memoryBytes: 1000, ...spec },
});

const node = (name: string, cpu = '4', volumes: readonly string[] = []): Node => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name },
  status: {
    allocatable: { cpu, memory: '1Gi' },
    conditions: [{ type: 'Ready', status: 'True' }],
    volumes,
  },
});

const runWith = (volume: string): Run => ({
  apiVersion: 'runink.io/v1',
  kind: 'Run',
  metadata: ref('r'),
  spec: {
    pipeline: { name: 'p' },
    plan: {
      groups: [{ name: 's', steps: ['s'] }],
      steps: [
        {
          name: 's',
          group: 's',
          use: 'filter',
          runtime: 'node',
          inputs: [{ name: 'in', kind: 'file', volume, path: 'a' }],
          outputs: [{ kind: 'file', volume, path: 'b' }],
          cpuMillis: 1,
          cpuLimitMillis: 1,
          memoryBytes: 1,
          pids: 1,
        },
      ],
    },
  },
});

const lease = (holderIdentity: string, leaseTransitions: number): Lease => ({
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  metadata: { namespace: 'runink-system', name: 'runink-scheduler' },
  spec: { holderIdentity, leaseTransitions },
});

/** Lets the whole chain of events, rounds and writes come to rest. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
}
