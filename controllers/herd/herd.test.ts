import { expect } from 'chai';
import {
  ApiError,
  type ApiObject,
  type Condition,
  type Herd,
  type Kind,
  kinds,
  type Lease,
  type ObjectList,
  type Secret,
  type Slice,
} from '../../apis/index.ts';
import type { ListOptions } from '../../client/index.ts';
import { hold, kindOf, World, widgets } from '../garbage-collection/world.ts';
import { Informers } from '../kit/index.ts';
import { settle } from '../kit/rig.ts';
import { nodeLifecycleController } from '../node-lifecycle/index.ts';
import { conditionsAfter } from './conditions.ts';
import { herdController, type Leftover, planHerd } from './index.ts';

const named = (name: string, more: object = {}): ApiObject => ({ metadata: { name, ...more } });
const herdOf = (more: object, phase?: 'Active' | 'Terminating'): Herd => ({
  apiVersion: 'runink.io/v1',
  kind: 'Herd',
  metadata: { name: 'h', ...more },
  ...(phase !== undefined && { status: { phase } }),
});
const ending = herdOf({ deletionTimestamp: '2026-01-01T00:00:00Z' }, 'Terminating');
const [slice, run, secret] = [named('s'), named('r'), named('k')];
const left = (
  kind: Kind<ApiObject>,
  count: number,
  undeleted: readonly ApiObject[] = [],
  finalizers: object = {},
): Leftover => ({
  kind,
  count,
  undeleted,
  finalizers: new Map(Object.entries(finalizers)),
});

describe('planHerd', () => {
  for (const [title, herd, found, actions] of [
    ['activates a new one', herdOf({}), [], [{ do: 'activate' }]],
    ['leaves an active one alone', herdOf({}, 'Active'), [], []],
    ['lets an empty one go', ending, [left(kinds.slices, 0)], [{ do: 'finish' }]],
    [
      'deletes slices first',
      ending,
      [left(kinds.secrets, 1, [secret]), left(kinds.runs, 1, [run]), left(kinds.slices, 2, [slice])],
      [{ do: 'delete', kind: kinds.slices, object: slice }],
    ],
    ['waits for those that are dying', ending, [left(kinds.runs, 1, [run]), left(kinds.slices, 1)], []],
    [
      'then all but secrets, kinds of users too',
      ending,
      [left(kinds.secrets, 1, [secret]), left(kindOf(widgets), 1, [slice]), left(kinds.runs, 1, [run])],
      [
        { do: 'delete', kind: kindOf(widgets), object: slice },
        { do: 'delete', kind: kinds.runs, object: run },
      ],
    ],
    [
      'then secrets',
      ending,
      [left(kinds.secrets, 1, [secret])],
      [{ do: 'delete', kind: kinds.secrets, object: secret }],
    ],
  ] as const satisfies readonly (readonly [string, Herd, readonly Leftover[], readonly object[]])[])
    it(title, () => {
      expect(planHerd(herd, found)).to.deep.equal(actions);
    });
});

describe('conditionsAfter', () => {
  const account = { left: [], undiscovered: undefined, failures: [], nodes: [] };
  const textOf = (conditions: readonly Condition[] | undefined) =>
    conditions?.map(({ type, status, reason, message }) => `${type}=${status} ${reason}: ${message}`);

  it('has Kubernetes’ words for what is well', () => {
    expect(textOf(conditionsAfter([], account, 'now'))).to.deep.equal([
      'NamespaceDeletionDiscoveryFailure=False ResourcesDiscovered: All resources successfully discovered',
      'NamespaceDeletionContentFailure=False ContentDeleted: All content successfully deleted, may be waiting on finalization',
      'NamespaceContentRemaining=False ContentRemoved: All content successfully removed',
      'NamespaceFinalizersRemaining=False ContentRemoved: All content successfully removed',
    ]);
  });

  it('and for what is not', () => {
    const found = [left(kinds.slices, 2, [], { [hold]: 1 }), left(kinds.secrets, 1, [], { [hold]: 1, orphan: 1 })];
    const bad = { left: found, undiscovered: 'no answer', failures: ['b', 'a'], nodes: ['n1', 'n2'] };
    expect(textOf(conditionsAfter([], bad, 'now'))).to.deep.equal([
      'NamespaceDeletionDiscoveryFailure=True DiscoveryFailed: no answer',
      'NamespaceDeletionContentFailure=True ContentDeletionFailed: Failed to delete all resource types, 2 remaining: a, b',
      'NamespaceContentRemaining=True SomeResourcesRemain: Some resources are remaining: secrets. has 1 resource instances, slices.runink.io has 2 resource instances; slices have yet to end on n1, n2',
      'NamespaceFinalizersRemaining=True SomeFinalizerRemain: Some finalizers are remaining: example.com/hold in 2 resource instances, orphan in 1 resource instances',
    ]);
  });

  it('keeps the time of what has not turned, the conditions of others, and is silent when nothing is new', () => {
    const other = { type: 'Mine', status: 'True' } as const;
    const first = conditionsAfter([other], { ...account, left: [left(kinds.runs, 2)] }, 'one') ?? [];
    expect(conditionsAfter(first, { ...account, left: [left(kinds.runs, 2)] }, 'two')).to.equal(undefined);
    const second = conditionsAfter(first, { ...account, left: [left(kinds.runs, 1)] }, 'two') ?? [];
    expect(second.map(({ type, lastTransitionTime }) => [type, lastTransitionTime])).to.deep.equal([
      ['Mine', undefined],
      ['NamespaceDeletionDiscoveryFailure', 'one'],
      ['NamespaceDeletionContentFailure', 'one'],
      ['NamespaceContentRemaining', 'one'],
      ['NamespaceFinalizersRemaining', 'one'],
    ]);
    const third = conditionsAfter(second, account, 'three') ?? [];
    expect(third.find(({ type }) => type === 'NamespaceContentRemaining')?.lastTransitionTime).to.equal('three');
  });
});

describe('herd controller', () => {
  let world: World;
  beforeEach(() => (world = new World()));
  afterEach(() => world.rig.end());
  const secretIn = (namespace: string, name = 'k'): Secret => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { namespace, name },
  });
  const sliceIn = (namespace: string, metadata: object = {}): Slice => ({
    apiVersion: 'runink.io/v1',
    kind: 'Slice',
    metadata: { namespace, name: 's', ...metadata },
    spec: { run: 'r', step: 's', attempt: 1 },
  });
  const herds = async () => (await world.rig.api.list(kinds.herds)).items.map(({ metadata: { name } }) => name);
  const told = async (type: string) =>
    (await world.rig.api.get(kinds.herds, { name: 'h' })).status?.conditions?.find((one) => one.type === type)?.message;

  it('empties a herd in order, says what is left, lets it go, and touches no other', async () => {
    const { api } = world.rig;
    await world.define(widgets);
    await api.create(kinds.herds, herdOf({}));
    for (const herd of ['h', 'default']) await api.create(kinds.secrets, secretIn(herd));
    await world.make(kindOf(widgets), 'h/w', [], [hold]);
    await api.create(kinds.slices, sliceIn('h', { finalizers: [hold] }));
    world.rig.run(herdController);
    await settle();
    await api.delete(kinds.herds, { name: 'h' });
    await settle();
    expect(await told('NamespaceContentRemaining')).to.equal(
      'Some resources are remaining: secrets. has 1 resource instances, slices.runink.io has 1 resource instances, widgets.example.com has 1 resource instances',
    );
    expect(await told('NamespaceFinalizersRemaining')).to.equal(
      'Some finalizers are remaining: example.com/hold in 2 resource instances',
    );
    expect((await world.find(kindOf(widgets), 'h/w'))?.metadata.deletionTimestamp).to.equal(undefined);
    // From here on no time passes: what goes wakes it.
    await world.release(kinds.slices, 'h/s');
    await settle();
    expect((await world.find(kindOf(widgets), 'h/w'))?.metadata.deletionTimestamp).not.to.equal(undefined);
    expect((await api.list(kinds.secrets)).items.length).to.equal(2);
    await world.release(kindOf(widgets), 'h/w');
    await settle();
    expect(await herds()).not.to.include('h');
    expect((await api.list(kinds.secrets)).items.map(({ metadata }) => metadata.namespace)).to.deep.equal(['default']);
  });

  it('goes on where another one left off, and deletes more than one answer holds', async () => {
    const { api } = world.rig;
    await api.create(kinds.herds, herdOf({}));
    for (let index = 0; index < 510; index++) await api.create(kinds.secrets, secretIn('h', `k${index}`));
    for (let index = 0; index < 5; index++) await world.make(kinds.serviceAccounts, `h/a${index}`, [], [hold]);
    await api.delete(kinds.herds, { name: 'h' });
    for (let life = 0; life < 5; life++) {
      const ended = new AbortController();
      await using informers = new Informers({ ...world.rig.context });
      const running = herdController({ ...world.rig.context, informers }).run(ended.signal);
      await settle();
      await world.release(kinds.serviceAccounts, `h/a${life}`);
      if (life === 4) for (let turn = 0; turn < 40 && (await herds()).includes('h'); turn++) await settle();
      ended.abort();
      await running;
    }
    expect(await herds()).not.to.include('h');
    expect((await api.list(kinds.secrets)).items).to.deep.equal([]);
  });

  it('ends when the kind of what is left ends, and tells of much that goes once a second', async () => {
    const { api } = world.rig;
    await world.define(widgets);
    await api.create(kinds.herds, herdOf({}));
    for (let index = 0; index < 20; index++) await world.make(kinds.serviceAccounts, `h/a${index}`, [], [hold]);
    await world.make(kindOf(widgets), 'h/w', [], [hold]);
    world.rig.run(herdController);
    await settle();
    await api.delete(kinds.herds, { name: 'h' });
    await settle();
    const before = api.writes;
    for (let index = 0; index < 20; index++) {
      await world.release(kinds.serviceAccounts, `h/a${index}`);
      await settle();
    }
    expect(api.writes - before).to.equal(20);
    await world.rig.pass(1_000);
    expect(await told('NamespaceContentRemaining')).to.equal(
      'Some resources are remaining: widgets.example.com has 1 resource instances',
    );
    // A real server takes the objects along.
    const { list } = api;
    api.list = async <T extends ApiObject>(kind: Kind<T>, options?: ListOptions) => {
      if (kind.plural === 'widgets') throw new ApiError('NotFound', 'no such kind');
      return list.call(api, kind, options) as Promise<ObjectList<T>>;
    };
    await api.delete(kinds.customResourceDefinitions, { name: 'widgets.example.com' });
    await settle();
    expect(await herds()).not.to.include('h');
  });

  it('ends also when the agent of a slice is gone for ever', async () => {
    const { api } = world.rig;
    await api.create(kinds.herds, herdOf({}));
    await api.create(kinds.secrets, secretIn('h'));
    const lease = (namespace: string, name: string, spec: Lease['spec'] & object): Lease => ({
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { namespace, name },
      spec,
    });
    await api.create(
      kinds.leases,
      lease('runink-system', 'runink-scheduler', { holderIdentity: 'me', leaseTransitions: 0 }),
    );
    await api.create(kinds.leases, lease('runink-node-lease', 'n1', { holderIdentity: 'n1', renewTime: 'once' }));
    await world.make(kinds.nodes, 'n1');
    const { metadata } = await api.create(kinds.slices, sliceIn('h'));
    const binding = { nodeName: 'n1', resourceVersion: metadata.resourceVersion ?? '', epoch: 'me/0' };
    await api.bind({ namespace: 'h', name: 's' }, binding);
    world.rig.run(herdController);
    world.rig.run(nodeLifecycleController);
    await settle();
    await api.delete(kinds.herds, { name: 'h' });
    await settle();
    expect(await told('NamespaceContentRemaining')).to.equal(
      'Some resources are remaining: secrets. has 1 resource instances, slices.runink.io has 1 resource instances; slices have yet to end on n1',
    );
    await world.rig.pass(41_000, 1_000);
    expect(await herds()).not.to.include('h');
    expect((await api.list(kinds.slices)).items).to.deep.equal([]);
  });

  it('does not let a herd go while it is not known which kinds there are', async () => {
    const { api } = world.rig;
    await world.define(widgets);
    await api.create(kinds.herds, herdOf({}));
    await world.make(kindOf(widgets), 'h/w');
    await api.create(kinds.secrets, secretIn('h'));
    const { list } = api;
    let isDown = true;
    api.list = async <T extends ApiObject>(kind: Kind<T>, options?: ListOptions) => {
      if (isDown && kind.plural === 'customresourcedefinitions') throw new ApiError('ServiceUnavailable', 'not now');
      return list.call(api, kind, options) as Promise<ObjectList<T>>;
    };
    world.rig.run(herdController);
    await settle();
    await api.delete(kinds.herds, { name: 'h' });
    await world.rig.pass(3_000);
    expect(await told('NamespaceDeletionDiscoveryFailure')).to.equal('not now');
    expect((await api.list(kinds.secrets)).items).to.deep.equal([]);
    isDown = false;
    await world.rig.pass(61_000, 5_000);
    expect(await herds()).not.to.include('h');
    expect(await world.find(kindOf(widgets), 'h/w')).to.equal(undefined);
  });

  it('says what could not be deleted, and tries again', async () => {
    const { api } = world.rig;
    await api.create(kinds.herds, herdOf({}));
    await api.create(kinds.secrets, secretIn('h'));
    const remove = api.delete.bind(api);
    let isRefused = true;
    api.delete = (kind, ref, options) =>
      isRefused && kind.plural === 'secrets'
        ? Promise.reject(new ApiError('Forbidden', 'you may not'))
        : remove(kind, ref, options);
    world.rig.run(herdController);
    await settle();
    await remove(kinds.herds, { name: 'h' });
    await world.rig.pass(2_000);
    expect(await told('NamespaceDeletionContentFailure')).to.equal(
      'Failed to delete all resource types, 1 remaining: you may not',
    );
    isRefused = false;
    await world.rig.pass(61_000, 5_000);
    expect(await herds()).not.to.include('h');
  });

  it('takes nothing from a herd that was made under the name of one that is gone', async () => {
    const { api } = world.rig;
    await api.create(kinds.herds, herdOf({}));
    await api.delete(kinds.herds, { name: 'h' });
    const { list } = api;
    let isAnew = false;
    // Between the look at the herd and the look into it.
    api.list = async <T extends ApiObject>(kind: Kind<T>, options?: ListOptions) => {
      if (!isAnew) {
        isAnew = true;
        await api.patch(kinds.herds, { name: 'h' }, { type: 'merge', body: { spec: { finalizers: [] } } });
        await api.create(kinds.herds, herdOf({}));
        await api.create(kinds.secrets, secretIn('h'));
      }
      return list.call(api, kind, options) as Promise<ObjectList<T>>;
    };
    world.rig.run(herdController);
    await world.rig.pass(2_000);
    expect(isAnew).to.equal(true);
    expect((await api.get(kinds.secrets, { namespace: 'h', name: 'k' })).metadata.deletionTimestamp).to.equal(
      undefined,
    );
  });

  it('tells how much of a quota is used, of a herd in which much happens once a second', async () => {
    const { api } = world.rig;
    await world.define(widgets);
    const objects = { 'count/secrets': '10', 'count/widgets.example.com': 2, 'count/leases.coordination.k8s.io': 3 };
    await api.create(kinds.herds, { ...herdOf({}), spec: { quota: { objects } } });
    world.rig.run(herdController);
    await world.rig.pass(2_000);
    const usage = async () => (await api.get(kinds.herds, { name: 'h' })).status?.quota;
    const used = { 'count/secrets': '0', 'count/widgets.example.com': '0', 'count/leases.coordination.k8s.io': '0' };
    expect(await usage()).to.deep.equal({ hard: objects, used });
    await world.make(kindOf(widgets), 'h/w');
    const { writes } = api;
    for (let index = 0; index < 9; index++) {
      await api.create(kinds.secrets, secretIn('h', `k${index}`));
      await settle();
    }
    await world.rig.pass(1_500);
    expect(api.writes - writes).to.be.within(10, 12);
    expect((await usage())?.used).to.deep.equal({ ...used, 'count/secrets': '9', 'count/widgets.example.com': '1' });
    await api.patch(kinds.herds, { name: 'h' }, { type: 'merge', body: { spec: { quota: null } } });
    await world.rig.pass(2_000);
    expect(await usage()).to.equal(undefined);
  });
});
