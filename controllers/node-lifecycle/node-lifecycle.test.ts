import { expect } from 'chai';
import { ApiError, kinds, type Lease, type Node, type Slice } from '../../apis/index.ts';
import { makeRig, type Rig, settle } from '../kit/rig.ts';
import { graceMs, nodeLifecycleController, planNode, type Seen } from './index.ts';

const unreachable = { key: 'node.kubernetes.io/unreachable', effect: 'NoExecute' } as const;
const restored = { key: 'runink.io/restored', effect: 'NoExecute' } as const;
const ready = { type: 'Ready', status: 'True' } as const;
const unknown = { type: 'Ready', status: 'Unknown' } as const;

describe('planNode', () => {
  const running = sliceOf('s', 'n1', 'Running');
  const text = `its agent has not renewed its lease for ${graceMs / 1000} s`;
  for (const [title, seen, actions] of [
    ['leaves a living node alone', { node: nodeOf('n1', [ready]), silentMs: 0, hasMoved: true, slices: [running] }, []],
    [
      'waits out the grace',
      { node: nodeOf('n1', [ready]), silentMs: graceMs - 1, hasMoved: true, slices: [running] },
      [],
    ],
    [
      'fences a silent one before it gives up its slices',
      {
        node: nodeOf('n1', [ready]),
        silentMs: graceMs,
        hasMoved: true,
        slices: [running, sliceOf('t', 'n1', 'Succeeded')],
      },
      [{ do: 'unknown', message: text }, { do: 'taint' }, { do: 'lose', slice: running, message: `node n1: ${text}` }],
    ],
    [
      'does nothing twice',
      {
        node: nodeOf('n1', [unknown], [unreachable]),
        silentMs: graceMs,
        hasMoved: true,
        slices: [sliceOf('t', 'n1', 'Lost')],
      },
      [],
    ],
    [
      'takes one back that lives again',
      { node: nodeOf('n1', [ready], [unreachable]), silentMs: 0, hasMoved: true, slices: [] },
      [{ do: 'untaint' }],
    ],
    [
      'does not take one back that it has not seen move',
      { node: nodeOf('n1', [ready], [unreachable]), silentMs: 0, hasMoved: false, slices: [] },
      [],
    ],
    [
      'trusts one of a restored store when its agent has reported',
      { node: nodeOf('n1', [ready], [restored]), silentMs: 0, hasMoved: true, slices: [running] },
      [{ do: 'trust' }],
    ],
    [
      'and not before',
      { node: nodeOf('n1', [unknown], [restored]), silentMs: 0, hasMoved: true, slices: [running] },
      [],
    ],
    [
      'gives up the slices of one that was deleted',
      { node: undefined, silentMs: 0, hasMoved: true, slices: [running] },
      [{ do: 'lose', slice: running, message: 'node n1 was deleted' }],
    ],
  ] as const satisfies readonly (readonly [string, Seen, readonly object[]])[])
    it(title, () => {
      expect(planNode(seen)).to.deep.equal(actions);
    });
});

describe('node lifecycle', () => {
  let rig: Rig;
  beforeEach(async () => {
    rig = makeRig();
    await rig.api.create(kinds.leases, {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { namespace: 'runink-system', name: 'runink-scheduler' },
      spec: { holderIdentity: 'me', leaseTransitions: 0 },
    });
  });
  afterEach(() => rig.end());

  it('fences a node that goes silent, loses its slices, and takes it back when its lease moves', async () => {
    const { api } = rig;
    await addNode('n1');
    await renew('n1', 1);
    await bind('s', 'n1');
    rig.run(nodeLifecycleController);
    for (let second = 0; second < 60; second += 10) {
      await rig.pass(10_000, 5_000);
      await renew('n1', second + 2);
    }
    expect((await getNode('n1')).spec?.taints ?? []).to.deep.equal([]);
    await rig.pass(41_000, 1_000);
    const silent = await getNode('n1');
    expect(silent.spec?.taints?.map(({ key, effect }) => ({ key, effect }))).to.deep.equal([unreachable]);
    expect(silent.status?.conditions?.find(({ type }) => type === 'Ready')?.status).to.equal('Unknown');
    const lost = await api.get(kinds.slices, { namespace: 'default', name: 's' });
    expect([lost.status?.phase, lost.status?.reason]).to.deep.equal(['Lost', 'NodeLost']);
    const reasons = (await api.list(kinds.events)).items
      .map(({ reason }) => reason)
      .sort((a = '', b = '') => (a < b ? -1 : 1));
    expect(reasons).to.deep.equal(['NodeLost', 'NodeNotReady']);
    const before = api.writes;
    await rig.pass(20_000, 5_000);
    expect(api.writes).to.equal(before);
    await renew('n1', 100);
    await settle();
    expect((await getNode('n1')).spec?.taints ?? []).to.deep.equal([]);
  });

  it('takes the taint of a restored store away, and no other', async () => {
    const other = { key: 'mine', effect: 'NoSchedule' } as const;
    await rig.api.create(kinds.nodes, nodeOf('n1', [unknown], [other, restored]));
    rig.run(nodeLifecycleController);
    await settle();
    expect((await getNode('n1')).spec?.taints).to.deep.equal([other, restored]);
    const node = await getNode('n1');
    await rig.api.updateStatus(kinds.nodes, { ...node, status: { conditions: [ready] } });
    await settle();
    expect((await getNode('n1')).spec?.taints).to.deep.equal([other]);
  });

  it('removes a slice that was to be deleted when its node is lost', async () => {
    await addNode('n1');
    await bind('s', 'n1');
    await rig.api.delete(kinds.slices, { namespace: 'default', name: 's' });
    rig.run(nodeLifecycleController);
    await rig.pass(41_000, 1_000);
    expect((await rig.api.list(kinds.slices)).items).to.deep.equal([]);
  });

  it('loses the slices of a node that is deleted', async () => {
    await addNode('n1');
    await bind('s', 'n1');
    rig.run(nodeLifecycleController);
    await settle();
    await rig.api.delete(kinds.nodes, { name: 'n1' });
    await settle();
    const { status } = await rig.api.get(kinds.slices, { namespace: 'default', name: 's' });
    expect([status?.phase, status?.message]).to.deep.equal(['Lost', 'node n1 was deleted']);
  });

  it("takes an outage of the API for nobody's silence", async () => {
    await addNode('n1');
    await renew('n1', 1);
    rig.run(nodeLifecycleController);
    await settle();
    rig.api.failWith(() => new ApiError('ServiceUnavailable', 'down'));
    await rig.pass(120_000, 1_000);
    rig.api.failWith();
    await rig.pass(35_000, 1_000);
    expect((await getNode('n1')).spec?.taints ?? []).to.deep.equal([]);
    await renew('n1', 2);
    await rig.pass(39_000, 1_000);
    expect((await getNode('n1')).spec?.taints ?? []).to.deep.equal([]);
    await rig.pass(12_000, 1_000);
    expect((await getNode('n1')).spec?.taints?.length).to.equal(1);
    rig.api.failWith(() => new ApiError('ServiceUnavailable', 'down'));
    await rig.pass(30_000, 1_000);
    rig.api.failWith();
    await rig.pass(30_000, 1_000);
    expect((await getNode('n1')).spec?.taints?.length).to.equal(1);
  });

  it('keeps taints of others', async () => {
    const other = { key: 'example.com/mine', effect: 'NoSchedule' } as const;
    await addNode('n1', [other]);
    rig.run(nodeLifecycleController);
    await rig.pass(41_000, 1_000);
    expect((await getNode('n1')).spec?.taints?.map(({ key }) => key)).to.deep.equal([other.key, unreachable.key]);
    await renew('n1', 1);
    await settle();
    expect((await getNode('n1')).spec?.taints?.map(({ key }) => key)).to.deep.equal([other.key]);
  });

  const getNode = (name: string): Promise<Node> => rig.api.get(kinds.nodes, { name });

  async function addNode(name: string, taints?: Parameters<typeof nodeOf>[2]): Promise<void> {
    const node = nodeOf(name, [ready], taints);
    const made = await rig.api.create(kinds.nodes, node);
    await rig.api.updateStatus(kinds.nodes, { ...made, ...(node.status !== undefined && { status: node.status }) });
  }

  async function renew(name: string, second: number): Promise<void> {
    const renewTime = new Date(Date.UTC(2020, 0, 1, 0, 0, second)).toISOString();
    const lease: Lease = {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { namespace: 'runink-node-lease', name },
      spec: { holderIdentity: name, renewTime },
    };
    const there = await rig.api
      .get(kinds.leases, lease.metadata as { namespace: string; name: string })
      .catch(() => undefined);
    if (there === undefined) await rig.api.create(kinds.leases, lease);
    else await rig.api.update(kinds.leases, { ...there, ...(lease.spec !== undefined && { spec: lease.spec }) });
  }

  async function bind(name: string, node: string): Promise<void> {
    const { nodeName: _, ...spec } = sliceOf(name, node, 'Pending').spec;
    const made = await rig.api.create(kinds.slices, { ...sliceOf(name, node, 'Pending'), spec });
    const binding = { nodeName: node, resourceVersion: made.metadata.resourceVersion ?? '', epoch: 'me/0' };
    await rig.api.bind({ namespace: 'default', name }, binding);
  }
});

function nodeOf(
  name: string,
  conditions: NonNullable<Node['status']>['conditions'] = [],
  taints: NonNullable<Node['spec']>['taints'] = [],
): Node {
  return { apiVersion: 'v1', kind: 'Node', metadata: { name }, spec: { taints }, status: { conditions } };
}

function sliceOf(name: string, nodeName: string, phase: 'Pending' | 'Running' | 'Succeeded' | 'Lost'): Slice {
  return {
    apiVersion: 'runink.io/v1',
    kind: 'Slice',
    metadata: { namespace: 'default', name },
    spec: { run: 'r', step: 's', attempt: 1, nodeName },
    status: { phase },
  };
}
