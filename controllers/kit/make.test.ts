import { expect } from 'chai';
import { ApiError, type Herd, isApiError, kinds, type Secret } from '../../apis/index.ts';
import { makeFor } from './index.ts';
import { makeRig, type Rig } from './rig.ts';

const secret = (namespace: string): Secret => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { namespace, name: 's' },
});
const herd: Herd = { apiVersion: 'runink.io/v1', kind: 'Herd', metadata: { name: 'h' } };
const owner = { apiVersion: 'runink.io/v1', kind: 'Run', metadata: { namespace: 'default', name: 'r', uid: 'u' } };

describe('makeFor', () => {
  let rig: Rig;
  const { signal } = new AbortController();
  beforeEach(() => (rig = makeRig()));
  afterEach(() => rig.end());
  const make = (namespace: string) => makeFor(rig.context, owner, kinds.secrets, secret(namespace), signal);
  const events = async () =>
    (await rig.api.list(kinds.events)).items.map(({ reason, message, involvedObject }) => [
      reason,
      message,
      involvedObject.name,
    ]);

  it('makes what is not there, and takes what is', async () => {
    expect([await make('default'), await make('default')]).to.deep.equal([true, true]);
    expect((await rig.api.list(kinds.secrets)).items.length).to.equal(1);
  });

  it('gives up in a herd that is going', async () => {
    await rig.api.create(kinds.herds, herd);
    await rig.api.delete(kinds.herds, { name: 'h' });
    expect(await make('h')).to.equal(false);
    await rig.pass(2_000);
    expect(await events()).to.deep.equal([]);
  });

  it('tells the owner what was refused, and throws it', async () => {
    rig.api.create = () => Promise.reject(new ApiError('Forbidden', 'exceeded quota: h'));
    const { create } = Object.getPrototypeOf(rig.api) as { create: typeof rig.api.create };
    const refused = await make('default').catch((cause: unknown) => cause);
    expect(isApiError(refused, 'Forbidden')).to.equal(true);
    rig.api.create = create;
    await rig.pass(2_000);
    expect(await events()).to.deep.equal([['FailedCreate', 'Error creating: exceeded quota: h', 'r']]);
  });
});
