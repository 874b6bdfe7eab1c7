import { PassThrough } from 'node:stream';
import { expect } from 'chai';
import { watchParent } from './parent-watch.ts';

describe('watchParent', () => {
  it('tells once when stdin ends', async () => {
    const stdin = new PassThrough();
    let told = 0;
    const gone = new Promise<void>((resolve) => {
      watchParent({ RUNINK_EXIT_ON_STDIN_EOF: '1' }, stdin, () => {
        told++;
        resolve();
      });
    });
    stdin.end('ignored');
    await gone;
    await new Promise((resolve) => setImmediate(resolve));
    expect(told).to.equal(1);
  });

  it('leaves stdin alone when not asked', () => {
    const stdin = new PassThrough();
    watchParent({}, stdin, () => expect.fail('told'));
    expect(stdin.listenerCount('end')).to.equal(0);
  });
});
