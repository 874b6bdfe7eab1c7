import { EventEmitter } from 'node:events';
import { expect } from 'chai';
import { abortOnSignals, backoffMs, ceilingMs, Lifetime, seededRandom, whenAborted } from './index.ts';

describe('lifecycle', () => {
  it('aborts at the first signal and leaves the second to the system', async () => {
    const source = new EventEmitter();
    const { signal } = abortOnSignals(source);
    source.emit('SIGTERM');
    await whenAborted(signal);
    expect(String(signal.reason)).to.equal('Interrupted: ended by SIGTERM');
    expect(source.listenerCount('SIGTERM') + source.listenerCount('SIGINT')).to.equal(0);
  });

  it('closes last opened first, all of it, and throws what failed', async () => {
    const closed: string[] = [];
    const lifetime = new Lifetime();
    lifetime.defer(() => closed.push('first'));
    lifetime.defer(() => Promise.reject(new Error('stuck')));
    lifetime.use({ [Symbol.dispose]: () => void closed.push('third') });
    lifetime.use({ [Symbol.asyncDispose]: async () => void closed.push('fourth') });
    const error = await lifetime[Symbol.asyncDispose]().catch((cause: unknown) => cause);
    expect(String(error)).to.equal('Error: stuck');
    expect(closed).to.deep.equal(['fourth', 'third', 'first']);
    await lifetime[Symbol.asyncDispose]();
  });
});

describe('backoff', () => {
  it('doubles up to its cap and jitters from nothing to there', () => {
    const options = { baseMs: 100, capMs: 1_000 };
    expect([0, 1, 2, 3, 4, 5000].map((attempt) => ceilingMs(attempt, options))).to.deep.equal([
      100, 200, 400, 800, 1_000, 1_000,
    ]);
    const random = seededRandom(3);
    for (let attempt = 0; attempt < 100; attempt++)
      expect(backoffMs(attempt, options, random)).to.be.within(0, ceilingMs(attempt, options) - 1);
  });
});
