import { expect } from 'chai';
import { type ApiObject, type CustomResourceDefinition, kinds, type OwnerReference } from '../../apis/index.ts';
import { servedKindOf } from '../kit/index.ts';
import { makeRig, type Rig, settle } from '../kit/rig.ts';
import { garbageCollector } from './index.ts';

const definition: CustomResourceDefinition = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'widgets.example.com' },
  spec: {
    group: 'example.com',
    scope: 'Namespaced',
    names: { plural: 'widgets', kind: 'Widget', singular: 'widget', listKind: 'WidgetList' },
    versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
  },
  status: {
    acceptedNames: { plural: 'widgets', kind: 'Widget', singular: 'widget', listKind: 'WidgetList' },
    conditions: [{ type: 'Established', status: 'True' }],
    storedVersions: ['v1'],
  },
};

describe('garbage collector: kinds of users', () => {
  let rig: Rig;
  beforeEach(() => (rig = makeRig()));
  afterEach(() => rig.end());

  async function define(): Promise<CustomResourceDefinition> {
    await rig.api.create(kinds.customResourceDefinitions, definition);
    const made = await rig.api.get(kinds.customResourceDefinitions, { name: 'widgets.example.com' });
    return rig.api.updateStatus(kinds.customResourceDefinitions, { ...definition, metadata: made.metadata });
  }

  const inDefault = (name: string) => ({ namespace: 'default', name });

  async function widget(of: CustomResourceDefinition, name: string, owners: readonly OwnerReference[] = []) {
    const kind = servedKindOf(of);
    if (kind === undefined) throw new Error('nothing is served');
    const metadata = { ...inDefault(name), ownerReferences: owners };
    return rig.api.create<ApiObject>(kind, { apiVersion: 'example.com/v1', kind: 'Widget', metadata });
  }

  const ownedBy = ({ metadata: { name = '', uid = '' } }: ApiObject): OwnerReference => ({
    apiVersion: 'example.com/v1',
    kind: 'Widget',
    name,
    uid,
  });

  async function names(of: CustomResourceDefinition): Promise<unknown> {
    const kind = servedKindOf(of);
    return kind === undefined ? [] : (await rig.api.list<ApiObject>(kind)).items.map(({ metadata }) => metadata.name);
  }

  it('are owners and owned, from the moment they are defined', async () => {
    rig.run(garbageCollector);
    await settle();
    const made = await define();
    await settle();
    const owner = await widget(made, 'owner');
    await widget(made, 'child', [ownedBy(owner)]);
    const secret = { ...inDefault('held'), ownerReferences: [ownedBy(owner)] };
    await rig.api.create(kinds.secrets, { apiVersion: 'v1', kind: 'Secret', metadata: secret });
    await rig.pass(1_000);
    expect(await names(made)).to.deep.equal(['child', 'owner']);
    const kind = servedKindOf(made);
    if (kind === undefined) throw new Error('nothing is served');
    await rig.api.delete(kind, inDefault('owner'));
    await rig.pass(1_000);
    expect(await names(made)).to.deep.equal([]);
    expect((await rig.api.list(kinds.secrets)).items).to.deep.equal([]);
  });

  it('take what they own with them when the definition goes', async () => {
    rig.run(garbageCollector);
    const made = await define();
    await settle();
    const owner = await widget(made, 'owner');
    const metadata = { ...inDefault('held'), ownerReferences: [ownedBy(owner)] };
    await rig.api.create(kinds.secrets, { apiVersion: 'v1', kind: 'Secret', metadata });
    await rig.pass(1_000);
    await rig.api.delete(kinds.customResourceDefinitions, { name: 'widgets.example.com' });
    await rig.pass(1_000);
    expect((await rig.api.list(kinds.secrets)).items).to.deep.equal([]);
  });

  it('lets what is in no herd go, and keeps what says that it is owned by something in one', async () => {
    rig.run(garbageCollector);
    const made = await define();
    const herd = { apiVersion: 'runink.io/v1', kind: 'Herd' } as const;
    await rig.api.create(kinds.herds, { ...herd, metadata: { name: 'kept', ownerReferences: [ownedBy(made)] } });
    await rig.api.create(kinds.herds, {
      ...herd,
      metadata: { name: 'strange', ownerReferences: [{ apiVersion: 'v1', kind: 'Secret', name: 's', uid: 'none' }] },
    });
    await rig.pass(1_000);
    await rig.api.delete(
      kinds.customResourceDefinitions,
      { name: 'widgets.example.com' },
      { propagationPolicy: 'Foreground' },
    );
    await rig.pass(1_000);
    expect((await rig.api.list(kinds.customResourceDefinitions)).items).to.deep.equal([]);
    const left = (await rig.api.list(kinds.herds)).items.map(({ metadata }) => metadata.name);
    expect(left).to.include('strange');
  });
});
