import { expect } from 'chai';
import { type ApiObject, isApiError, kinds, type OwnerReference, type Run, type Secret } from '../../apis/index.ts';
import { makeRig, type Rig, settle } from '../kit/rig.ts';
import { garbageCollector, planGarbage, type Seen } from './index.ts';

const owner = (uid: string, more: Partial<OwnerReference> = {}): OwnerReference => ({
  apiVersion: 'runink.io/v1',
  kind: 'Run',
  name: 'r',
  uid,
  ...more,
});
const object = (metadata: ApiObject['metadata'] = {}): ApiObject => ({ metadata: { uid: 'me', ...metadata } });
const dying = (...finalizers: string[]): ApiObject => object({ deletionTimestamp: 'now', finalizers });
const [plain, blocking, gone] = [
  object({ uid: 'd', ownerReferences: [owner('me')] }),
  object({ uid: 'b', ownerReferences: [owner('me', { blockOwnerDeletion: true })] }),
  object({ uid: 'g', deletionTimestamp: 'now', ownerReferences: [owner('me', { blockOwnerDeletion: true })] }),
];

describe('planGarbage', () => {
  const reference = owner('a');
  const present = { reference, state: 'present' } as const;
  const absent = { reference, state: 'absent' } as const;
  const foreign = { reference, state: 'unknown' } as const;
  for (const [title, seen, actions] of [
    ['leaves what has no owner', { object: object(), owners: [], dependents: [plain] }, []],
    ['leaves what has a living owner', { object: object(), owners: [present], dependents: [] }, []],
    ['leaves what may have one', { object: object(), owners: [foreign], dependents: [] }, []],
    [
      'collects what has lost all owners',
      { object: object(), owners: [absent, absent], dependents: [] },
      [{ do: 'collect' }],
    ],
    [
      'forgets a lost owner beside a living one',
      { object: object(), owners: [absent, present], dependents: [] },
      [{ do: 'forget', uids: ['a'] }],
    ],
    ['leaves what is dying already', { object: dying('example.com/hold'), owners: [absent], dependents: [plain] }, []],
    [
      'deletes dependents in the foreground and waits for those that block',
      { object: dying('foregroundDeletion'), owners: [], dependents: [plain, blocking, gone] },
      [
        { do: 'deleteDependent', dependent: plain },
        { do: 'deleteDependent', dependent: blocking },
      ],
    ],
    [
      'does not wait for those that do not block',
      { object: dying('foregroundDeletion'), owners: [], dependents: [plain] },
      [
        { do: 'deleteDependent', dependent: plain },
        { do: 'dropFinalizer', finalizer: 'foregroundDeletion' },
      ],
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

describe('garbage collector', () => {
  let rig: Rig;
  beforeEach(() => (rig = makeRig()));
  afterEach(() => rig.end());

  it('collects a chain from its top, and what is owned by what never was', async () => {
    const run = await addRun('r');
    await addSecret('child', [refTo(run)]);
    const child = await rig.api.get(kinds.secrets, ref('child'));
    await addSecret('grandchild', [{ apiVersion: 'v1', kind: 'Secret', name: 'child', uid: child.metadata.uid ?? '' }]);
    await addSecret('lost', [owner('no-such-uid')]);
    await addSecret('free', []);
    rig.run(garbageCollector);
    await settle();
    expect(await names()).to.deep.equal(['child', 'free', 'grandchild']);
    await rig.api.delete(kinds.runs, ref('r'));
    await rig.pass(1_000);
    expect(await names()).to.deep.equal(['free']);
  });

  it('tells an owner from a new one of the same name', async () => {
    rig.run(garbageCollector);
    const run = await addRun('r');
    await addSecret('child', [refTo(run)]);
    await rig.api.delete(kinds.runs, ref('r'));
    const next = await addRun('r');
    await addSecret('next', [refTo(next)]);
    await rig.pass(1_000);
    expect(await names()).to.deep.equal(['next']);
  });

  it('keeps the owner of a foreground deletion until its dependents are gone', async () => {
    rig.run(garbageCollector);
    const run = await addRun('r');
    await addSecret('child', [{ ...refTo(run), blockOwnerDeletion: true }], ['example.com/hold']);
    await rig.api.delete(kinds.runs, ref('r'), { propagationPolicy: 'Foreground' });
    await rig.pass(1_000);
    const child = await rig.api.get(kinds.secrets, ref('child'));
    expect(child.metadata.deletionTimestamp).not.to.equal(undefined);
    await rig.api.get(kinds.runs, ref('r'));
    await rig.api.update(kinds.secrets, { ...child, metadata: { ...child.metadata, finalizers: [] } });
    await rig.pass(1_000);
    expect(await isGone()).to.equal(true);
  });

  it('sets orphans free', async () => {
    rig.run(garbageCollector);
    const run = await addRun('r');
    await addSecret('child', [refTo(run), owner('other', { kind: 'Deployment', apiVersion: 'apps/v1' })]);
    await rig.api.delete(kinds.runs, ref('r'), { propagationPolicy: 'Orphan' });
    await rig.pass(1_000);
    expect(await isGone()).to.equal(true);
    const { ownerReferences } = (await rig.api.get(kinds.secrets, ref('child'))).metadata;
    expect(ownerReferences?.map(({ uid }) => uid)).to.deep.equal(['other']);
  });

  const ref = (name: string): { namespace: string; name: string } => ({ namespace: 'default', name });
  const refTo = ({ metadata: { name = '', uid = '' } }: Run): OwnerReference => owner(uid, { name });
  const names = async (): Promise<unknown> =>
    (await rig.api.list(kinds.secrets)).items.map(({ metadata }) => metadata.name);
  const isGone = (): Promise<boolean> =>
    rig.api.get(kinds.runs, ref('r')).then(
      () => false,
      (cause: unknown) => isApiError(cause, 'NotFound'),
    );

  function addRun(name: string): Promise<Run> {
    return rig.api.create(kinds.runs, {
      apiVersion: 'runink.io/v1',
      kind: 'Run',
      metadata: ref(name),
      spec: { pipeline: { name: 'p' }, plan: { groups: [], steps: [] } },
    });
  }
  function addSecret(
    name: string,
    ownerReferences: readonly OwnerReference[],
    finalizers: readonly string[] = [],
  ): Promise<Secret> {
    return rig.api.create(kinds.secrets, {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { ...ref(name), ownerReferences, finalizers },
    });
  }
});
