import { expect } from 'chai';
import { type ApiObject, type Kind, kinds, type OwnerReference } from '../../apis/index.ts';
import { settle } from '../kit/rig.ts';
import { garbageCollector, planGarbage, type Seen } from './index.ts';
import { gadgets, hold, kindOf, refTo, World, widgets } from './world.ts';

const owner = (uid: string, more: Partial<OwnerReference> = {}): OwnerReference => ({
  apiVersion: 'v1',
  kind: 'ServiceAccount',
  name: 'a',
  uid,
  ...more,
});
const object = (metadata: ApiObject['metadata'] = {}): ApiObject => ({ metadata: { uid: 'me', ...metadata } });
const dying = (...finalizers: string[]): ApiObject => object({ deletionTimestamp: 'now', finalizers });
const [plain, blocking, gone, circle] = [
  object({ uid: 'd', ownerReferences: [owner('me')] }),
  object({ uid: 'b', ownerReferences: [owner('me', { blockOwnerDeletion: true })] }),
  object({ uid: 'g', deletionTimestamp: 'now', ownerReferences: [owner('me', { blockOwnerDeletion: true })] }),
  object({ uid: 'c', deletionTimestamp: 'now', finalizers: ['foregroundDeletion'], ownerReferences: [owner('me')] }),
];

describe('planGarbage', () => {
  const reference = owner('a');
  const solid = { reference, state: 'solid' } as const;
  const absent = { reference, state: 'absent' } as const;
  const foreign = { reference, state: 'unknown' } as const;
  const waiting = { reference: owner('w', { blockOwnerDeletion: true }), state: 'waiting' } as const;
  for (const [title, seen, actions] of [
    ['leaves what has no owner', { object: object(), owners: [], dependents: [plain] }, []],
    ['leaves what has a living owner', { object: object(), owners: [solid], dependents: [] }, []],
    ['leaves what may have one', { object: object(), owners: [foreign], dependents: [] }, []],
    [
      'collects what has lost all owners',
      { object: object(), owners: [absent, absent], dependents: [] },
      [{ do: 'collect', policy: 'Background' }],
    ],
    [
      'collects it as its maker wished',
      { object: object({ finalizers: ['orphan'] }), owners: [absent], dependents: [] },
      [{ do: 'collect', policy: 'Orphan' }],
    ],
    [
      'forgets owners that are lost or wait, beside one that stays',
      { object: object(), owners: [absent, solid, waiting], dependents: [] },
      [{ do: 'forget', uids: ['a', 'w'] }],
    ],
    [
      'collects what is waited for, and its own before it',
      { object: object(), owners: [waiting], dependents: [plain] },
      [{ do: 'collect', policy: 'Foreground' }],
    ],
    [
      'and at once when it has none',
      { object: object(), owners: [waiting, absent], dependents: [] },
      [{ do: 'collect', policy: 'Background' }],
    ],
    ['breaks a circle first', { object: object(), owners: [waiting], dependents: [circle] }, [{ do: 'unblock' }]],
    ['leaves what is dying already', { object: dying(hold), owners: [absent], dependents: [plain] }, []],
    [
      'waits for those that block',
      { object: dying('foregroundDeletion'), owners: [], dependents: [plain, blocking, gone] },
      [],
    ],
    [
      'does not wait for those that do not block',
      { object: dying('foregroundDeletion'), owners: [], dependents: [plain] },
      [{ do: 'dropFinalizer', finalizer: 'foregroundDeletion' }],
    ],
    [
      'ends when all are gone',
      { object: dying('foregroundDeletion'), owners: [], dependents: [] },
      [{ do: 'dropFinalizer', finalizer: 'foregroundDeletion' }],
    ],
    [
      'releases orphans first',
      { object: dying('orphan'), owners: [], dependents: [plain] },
      [{ do: 'release', dependent: plain }],
    ],
    [
      'then lets the owner go',
      { object: dying('orphan'), owners: [], dependents: [] },
      [{ do: 'dropFinalizer', finalizer: 'orphan' }],
    ],
  ] as const satisfies readonly (readonly [string, Seen, readonly object[]])[])
    it(title, () => {
      expect(planGarbage(seen)).to.deep.equal(actions);
    });
});

// Each of these is a property that a test of kube-controller-manager's garbage collector holds too; its name stands beside.
describe('garbage collector', () => {
  const accounts: Kind<ApiObject> = kinds.serviceAccounts;
  const secrets: Kind<ApiObject> = kinds.secrets;
  const nodes: Kind<ApiObject> = kinds.nodes;
  const [widget, gadget] = [kindOf(widgets), kindOf(gadgets)];
  let world: World;
  beforeEach(() => (world = new World()));
  afterEach(() => world.rig.end());
  const run = async (): Promise<void> => {
    world.rig.run(garbageCollector);
    await settle();
  };
  const names = async (kind = secrets): Promise<readonly string[]> =>
    (await world.rig.api.list(kind)).items.map(({ metadata: { name = '' } }) => name);

  it('collects a chain from its top, and what is owned by what never was (CascadingDeletion, CreateWithNonExistentOwner)', async () => {
    const top = await world.make(accounts, 'top');
    const child = await world.make(secrets, 'child', [refTo(accounts, top)]);
    await world.make(secrets, 'grandchild', [refTo(secrets, child)]);
    await world.make(secrets, 'shared', [refTo(accounts, top), refTo(accounts, await world.make(accounts, 'other'))]);
    await world.make(secrets, 'lost', [owner('no-such-uid')]);
    await world.make(secrets, 'free');
    await run();
    expect(await names()).to.deep.equal(['child', 'free', 'grandchild', 'shared']);
    await world.delete(accounts, 'top');
    await world.rest();
    expect(await names()).to.deep.equal(['free', 'shared']);
    expect((await world.find(secrets, 'shared'))?.metadata.ownerReferences?.map(({ name }) => name)).to.deep.equal([
      'other',
    ]);
  });

  it('tells an owner from a new one of the same name', async () => {
    await run();
    await world.make(secrets, 'child', [refTo(accounts, await world.make(accounts, 'a'))]);
    await world.delete(accounts, 'a');
    await world.make(secrets, 'next', [refTo(accounts, await world.make(accounts, 'a'))]);
    await world.rest();
    expect(await names()).to.deep.equal(['next']);
  });

  it('keeps the owner of a foreground deletion until its dependents are gone (BlockingOwnerRefDoesBlock)', async () => {
    await run();
    await world.make(secrets, 'child', [refTo(accounts, await world.make(accounts, 'a'), true)], [hold]);
    await world.delete(accounts, 'a', 'Foreground');
    await world.rest();
    expect((await world.find(secrets, 'child'))?.metadata.deletionTimestamp).not.to.equal(undefined);
    expect(await world.find(accounts, 'a')).not.to.equal(undefined);
    await world.release(secrets, 'child');
    await world.rest();
    expect(await world.find(accounts, 'a')).to.equal(undefined);
  });

  it('does not keep it for those that do not block (NonBlockingOwnerRefDoesNotBlock)', async () => {
    await run();
    const a = await world.make(accounts, 'a');
    await world.make(secrets, 'silent', [refTo(accounts, a)], [hold]);
    await world.make(secrets, 'not', [refTo(accounts, a, false)], [hold]);
    await world.delete(accounts, 'a', 'Foreground');
    await world.rest();
    expect(await world.find(accounts, 'a')).to.equal(undefined);
    for (const name of ['silent', 'not'])
      expect((await world.find(secrets, name))?.metadata.deletionTimestamp, name).not.to.equal(undefined);
  });

  it('leaves a dependent to its other owner, which does not keep the first (SolidOwnerDoesNotBlockWaitingOwner)', async () => {
    await run();
    const [a, b] = [await world.make(accounts, 'a'), await world.make(accounts, 'b')];
    await world.make(secrets, 'child', [refTo(accounts, a, true), refTo(accounts, b)]);
    await world.delete(accounts, 'a', 'Foreground');
    await world.rest();
    expect(await world.find(accounts, 'a')).to.equal(undefined);
    const child = await world.find(secrets, 'child');
    expect(child?.metadata.ownerReferences?.map(({ name }) => name)).to.deep.equal(['b']);
    expect(child?.metadata.deletionTimestamp).to.equal(undefined);
  });

  it('does not wait in a circle', async () => {
    await run();
    const a = await world.make(accounts, 'a');
    const b = await world.make(secrets, 'b', [refTo(accounts, a, true)]);
    const ownerReferences = [refTo(secrets, b, true)];
    const ref = { namespace: 'default', name: 'a' };
    await world.rig.api.patch(accounts, ref, { type: 'merge', body: { metadata: { ownerReferences } } });
    await world.delete(accounts, 'a', 'Foreground');
    await world.rest();
    expect([await world.find(accounts, 'a'), await world.find(secrets, 'b')]).to.deep.equal([undefined, undefined]);
  });

  it('sets orphans free (Orphaning)', async () => {
    await run();
    const a = await world.make(accounts, 'a');
    const foreign = owner('other', { kind: 'Deployment', apiVersion: 'apps/v1' });
    await world.make(secrets, 'child', [refTo(accounts, a), foreign]);
    await world.make(secrets, 'only', [refTo(accounts, a, true)]);
    await world.delete(accounts, 'a', 'Orphan');
    await world.rest();
    expect(await world.find(accounts, 'a')).to.equal(undefined);
    const owners = async (name: string) =>
      (await world.find(secrets, name))?.metadata.ownerReferences?.map(({ uid }) => uid);
    expect([await owners('child'), await owners('only')]).to.deep.equal([['other'], []]);
  });

  it('does again what is asked twice, and leaves finalizers of others alone (DoubleDeletionWithFinalizer)', async () => {
    await run();
    await world.make(accounts, 'a', [], [hold]);
    for (const _ of ['once', 'twice']) {
      await world.delete(accounts, 'a', 'Foreground');
      await world.rest();
      const { metadata } = (await world.find(accounts, 'a')) ?? {};
      expect([metadata?.finalizers, metadata?.deletionTimestamp === undefined]).to.deep.equal([[hold], false]);
    }
    await world.release(accounts, 'a');
    await world.rest();
    expect(await world.find(accounts, 'a')).to.equal(undefined);
  });

  it('takes the policy that was set at creation, unless a deletion says otherwise (StressingCascadingDeletion)', async () => {
    await run();
    for (const [name, finalizers, policy, stays] of [
      ['plain', [], undefined, false],
      ['wished', ['orphan'], undefined, true],
      ['overruled', ['orphan'], 'Background', false],
      ['asked', [], 'Orphan', true],
    ] as const) {
      const a = await world.make(accounts, name, [], finalizers);
      for (const child of ['1', '2', '3']) await world.make(secrets, `${name}-${child}`, [refTo(accounts, a)]);
      await world.rest();
      await world.delete(accounts, name, policy);
      await world.rest();
      expect(await world.find(accounts, name), name).to.equal(undefined);
      expect((await names()).filter((one) => one.startsWith(`${name}-`)).length, name).to.equal(stays ? 3 : 0);
    }
  });

  it('collects what a cluster object owned, in any herd (ClusterScopedOwner)', async () => {
    await run();
    const node = await world.make(nodes, 'n');
    await world.make(secrets, 'valid', [refTo(nodes, node)]);
    await world.make(secrets, 'lost', [{ ...refTo(nodes, node), uid: 'another' }]);
    await world.make(accounts, 'free');
    await world.rest();
    expect(await names()).to.deep.equal(['valid']);
    await world.delete(nodes, 'n');
    await world.rest();
    expect(await names()).to.deep.equal([]);
    expect(await world.find(accounts, 'free')).not.to.equal(undefined);
  });

  it('takes an owner in another herd for none, and says so; in its own herd it stays one (CrossNamespaceReferences)', async () => {
    await world.rig.api.create(kinds.herds, { apiVersion: 'runink.io/v1', kind: 'Herd', metadata: { name: 'b' } });
    await run();
    const far = await world.make(accounts, 'b/far');
    await world.make(secrets, 'b/near', [refTo(accounts, far, true)]);
    await world.make(secrets, 'wrong', [refTo(accounts, far, true)]);
    await world.make(nodes, 'n', [refTo(accounts, far)]);
    await world.make(secrets, 'b/named-wrong', [{ ...refTo(accounts, far), name: 'other' }]);
    await world.rest();
    expect(await names()).to.deep.equal(['near']);
    expect(await names(nodes)).to.deep.equal(['n']);
    const told = (await world.rig.api.list(kinds.events)).items.filter(
      ({ reason }) => reason === 'OwnerRefInvalidNamespace',
    );
    const uid = far.metadata.uid ?? '';
    expect(told.map(({ message }) => message)).to.have.members([
      `ownerRef [v1/ServiceAccount, namespace: , name: far, uid: ${uid}] does not exist in namespace ""`,
      `ownerRef [v1/ServiceAccount, namespace: default, name: far, uid: ${uid}] does not exist in namespace "default"`,
    ]);
    await world.delete(accounts, 'b/far');
    await world.rest();
    expect(await names()).to.deep.equal([]);
  });

  it('knows kinds of users, those too that come while it runs (CustomResourceCascadingDeletion, MixedRelationships)', async () => {
    await world.define(widgets);
    await run();
    await world.define(gadgets);
    await world.rest();
    const w = await world.make(widget, 'w');
    const g = await world.make(gadget, 'g');
    const core = await world.make(accounts, 'core');
    await world.make(widget, 'of-w', [refTo(widget, w)]);
    await world.make(secrets, 'of-w', [refTo(widget, w, true)]);
    await world.make(widget, 'of-g', [refTo(gadget, g)]);
    await world.make(widget, 'of-core', [refTo(accounts, core)]);
    await world.rest();
    expect(await names(widget)).to.deep.equal(['of-core', 'of-g', 'of-w', 'w']);
    await world.delete(widget, 'w', 'Foreground');
    await world.delete(gadget, 'g');
    await world.delete(accounts, 'core');
    await world.rest();
    expect([await names(widget), await names()]).to.deep.equal([[], []]);
  });

  it('collects what objects of a kind owned that is gone with them (CRDDeletionCascading)', async () => {
    await world.define(widgets);
    await run();
    await world.rest();
    const [first, second] = [await world.make(widget, 'first'), await world.make(widget, 'second')];
    await world.make(secrets, 'a', [refTo(widget, first)]);
    await world.make(secrets, 'b', [refTo(widget, second)]);
    await world.make(secrets, 'c');
    await world.rest();
    await world.delete(widget, 'first');
    // What its watch did not tell before it ended went all the same.
    await world.delete(kinds.customResourceDefinitions, 'widgets.example.com');
    await world.rest();
    expect(await names()).to.deep.equal(['c']);
  });

  it('judges who is owned by a kind that it did not know when it comes to know it', async () => {
    await world.make(secrets, 'child', [{ apiVersion: 'example.com/v1', kind: 'Widget', name: 'none', uid: 'none' }]);
    await run();
    await world.rest();
    expect(await names()).to.deep.equal(['child']);
    await world.define(widgets);
    await world.rest();
    expect(await names()).to.deep.equal([]);
  });
});
