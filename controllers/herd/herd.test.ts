import { expect } from 'chai';
import { type ApiObject, type Herd, type Kind, kinds, type ObjectList, type Secret } from '../../apis/index.ts';
import type { ListOptions } from '../../client/index.ts';
import { makeRig, type Rig, settle } from '../kit/rig.ts';
import { herdController, type Leftover, planHerd } from './index.ts';

const named = (name: string, more: object = {}): ApiObject => ({ metadata: { name, ...more } });
const herdOf = (more: object, phase?: 'Active' | 'Terminating'): Herd => ({
  apiVersion: 'runink.io/v1',
  kind: 'Herd',
  metadata: { name: 'h', ...more },
  ...(phase !== undefined && { status: { phase } }),
});
const ending = herdOf({ deletionTimestamp: '2026-01-01T00:00:00Z' }, 'Terminating');
const [slice, dying, run, secret] = [named('s'), named('d', { deletionTimestamp: 'now' }), named('r'), named('k')];

describe('planHerd', () => {
  for (const [title, herd, left, actions] of [
    ['activates a new one', herdOf({}), [], [{ do: 'activate' }]],
    ['leaves an active one alone', herdOf({}, 'Active'), [], []],
    ['lets an empty one go', ending, [{ kind: kinds.slices, objects: [] }], [{ do: 'finish' }]],
    [
      'deletes slices first, and waits for those that are dying',
      ending,
      [
        { kind: kinds.secrets, objects: [secret] },
        { kind: kinds.runs, objects: [run] },
        { kind: kinds.slices, objects: [slice, dying] },
      ],
      [
        { do: 'tell', message: 'waits for 1 secrets, 1 runs, 2 slices to go' },
        { do: 'delete', kind: kinds.slices, object: slice },
      ],
    ],
    [
      'then all but secrets',
      ending,
      [
        { kind: kinds.secrets, objects: [secret] },
        { kind: kinds.runs, objects: [run] },
      ],
      [
        { do: 'tell', message: 'waits for 1 secrets, 1 runs to go' },
        { do: 'delete', kind: kinds.runs, object: run },
      ],
    ],
    [
      'then secrets',
      ending,
      [{ kind: kinds.secrets, objects: [secret] }],
      [
        { do: 'tell', message: 'waits for 1 secrets to go' },
        { do: 'delete', kind: kinds.secrets, object: secret },
      ],
    ],
  ] as const satisfies readonly (readonly [string, Herd, readonly Leftover[], readonly object[]])[])
    it(title, () => {
      expect(planHerd(herd, left)).to.deep.equal(actions);
    });
});

describe('herd controller', () => {
  let rig: Rig;
  beforeEach(() => (rig = makeRig()));
  afterEach(() => rig.end());

  it('empties a herd in order and lets it go, and touches no other', async () => {
    const { api } = rig;
    rig.run(herdController);
    await api.create(kinds.herds, herdOf({}));
    const secretIn = (namespace: string): Secret => ({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { namespace, name: 'k' },
    });
    for (const herd of ['h', 'default']) await api.create(kinds.secrets, secretIn(herd));
    await api.create(kinds.slices, {
      apiVersion: 'runink.io/v1',
      kind: 'Slice',
      metadata: { namespace: 'h', name: 's', finalizers: ['example.com/hold'] },
      spec: { run: 'r', step: 's', attempt: 1 },
    });
    await api.delete(kinds.herds, { name: 'h' });
    await rig.pass(2_000);
    expect((await api.list(kinds.secrets)).items.length).to.equal(2);
    const held = await api.get(kinds.slices, { namespace: 'h', name: 's' });
    expect(held.metadata.deletionTimestamp).not.to.equal(undefined);
    expect((await api.get(kinds.herds, { name: 'h' })).status?.conditions?.[0]?.message).to.equal(
      'waits for 1 secrets, 1 slices to go',
    );
    await api.update(kinds.slices, { ...held, metadata: { ...held.metadata, finalizers: [] } });
    await rig.pass(2_000);
    await settle();
    expect((await api.list(kinds.herds)).items.map(({ metadata }) => metadata.name)).not.to.include('h');
    expect((await api.list(kinds.secrets)).items.map(({ metadata }) => metadata.namespace)).to.deep.equal(['default']);
  });

  it('takes nothing from a herd that was made under the name of one that is gone', async () => {
    const { api } = rig;
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
        await api.create(kinds.secrets, { apiVersion: 'v1', kind: 'Secret', metadata: { namespace: 'h', name: 'k' } });
      }
      return list.call(api, kind, options) as Promise<ObjectList<T>>;
    };
    rig.run(herdController);
    await rig.pass(2_000);
    expect(isAnew).to.equal(true);
    expect((await api.get(kinds.secrets, { namespace: 'h', name: 'k' })).metadata.deletionTimestamp).to.equal(
      undefined,
    );
  });
});
