import { expect } from 'chai';
import { ApiError, kinds, type Secret } from '../../apis/index.ts';
import { seededRandom, silentLog, systemClock } from '../../base/index.ts';
import { MemoryClient } from '../../client/index.ts';
import { Controller, Informers, keyOf, refOfKey } from './index.ts';

const deps = { clock: systemClock, random: seededRandom(1), log: silentLog };
const backoff = { baseMs: 1, capMs: 2 };

describe('Controller', () => {
  it('reconciles what is there, what changes, and again after an error or when asked', async () => {
    const api = new MemoryClient();
    await api.create(kinds.secrets, secret('a'));
    await using informers = new Informers({ client: api, ...deps });
    const looks: string[] = [];
    const abort = new AbortController();
    const reconcile = async (key: string): Promise<{ requeueAfterMs?: number }> => {
      looks.push(key);
      if (looks.length === 1) throw new ApiError('Conflict', 'behind');
      return looks.length === 2 ? { requeueAfterMs: 1 } : {};
    };
    const controller = new Controller(deps, { name: 'test', reconcile, backoff });
    const run = controller.watch(informers.of(kinds.secrets), (object) => [keyOf(object)]).run(abort.signal);
    await until(() => looks.length === 3);
    expect(looks).to.deep.equal(['default/a', 'default/a', 'default/a']);
    await api.create(kinds.secrets, secret('b'));
    await until(() => looks.length === 4);
    controller.enqueue('by hand');
    await until(() => looks.length === 5);
    expect(looks.slice(3)).to.deep.equal(['default/b', 'by hand']);
    abort.abort();
    await run;
  });

  it('ends after the reconcile that runs, without beginning another', async () => {
    const api = new MemoryClient();
    await using informers = new Informers({ client: api, ...deps });
    const abort = new AbortController();
    const looks: string[] = [];
    let finish = (): void => {};
    const reconcile = async (key: string): Promise<object> => {
      looks.push(key);
      await new Promise<void>((resolve) => (finish = resolve));
      return {};
    };
    const controller = new Controller(deps, { name: 'test', reconcile });
    let hasEnded = false;
    const run = controller
      .watch(informers.of(kinds.secrets), () => [])
      .run(abort.signal)
      .then(() => void (hasEnded = true));
    controller.enqueue('a');
    controller.enqueue('b');
    await until(() => looks.length === 1);
    abort.abort();
    await new Promise((resolve) => setImmediate(resolve));
    expect(hasEnded).to.equal(false);
    finish();
    await run;
    expect(looks).to.deep.equal(['a']);
  });

  it('shares one informer for a kind and selection', async () => {
    await using informers = new Informers({ client: new MemoryClient(), ...deps });
    expect(informers.of(kinds.secrets)).to.equal(informers.of(kinds.secrets));
    expect(informers.of(kinds.secrets)).not.to.equal(informers.of(kinds.secrets, { namespace: 'default' }));
  });

  it('reads its keys back', () => {
    expect(refOfKey('h/n')).to.deep.equal({ namespace: 'h', name: 'n' });
    expect(refOfKey('n')).to.deep.equal({ name: 'n' });
  });
});

const secret = (name: string): Secret => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { namespace: 'default', name },
});

async function until(holds: () => boolean): Promise<void> {
  const deadlineMs = Date.now() + 4_000;
  while (!holds()) {
    if (Date.now() > deadlineMs) throw new Error('it did not come true in time');
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
