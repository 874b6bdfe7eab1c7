import { expect } from 'chai';
import fc from 'fast-check';
import { ManualClock, runWorkers, seededRandom, WorkQueue, type WorkQueueMetrics } from './index.ts';

describe('WorkQueue', () => {
  it('holds a key once, in the order of first adding', async () => {
    const { queue } = make();
    for (const key of ['a', 'b', 'a', 'c', 'b']) queue.add(key);
    expect([await queue.take(), await queue.take(), await queue.take()]).to.deep.equal(['a', 'b', 'c']);
    expect(queue.waiting).to.equal(0);
  });

  it('gives a key added while it is processed again, once, after done', async () => {
    const { queue } = make();
    queue.add('a');
    await queue.take();
    queue.add('a');
    queue.add('a');
    expect(queue.waiting).to.equal(0);
    queue.done('a');
    expect(queue.waiting).to.equal(1);
    expect(await queue.take()).to.equal('a');
    queue.done('a');
    expect(queue.isIdle).to.equal(true);
  });

  it('wakes a waiting taker', async () => {
    const { queue } = make();
    const taken = queue.take();
    queue.add('a');
    expect(await taken).to.equal('a');
  });

  it('adds a delayed key at its earliest time', async () => {
    const { queue, clock } = make();
    queue.addAfter('a', 100);
    queue.addAfter('a', 50);
    queue.addAfter('a', 200);
    clock.advance(49);
    expect(queue.waiting).to.equal(0);
    clock.advance(1);
    expect(queue.waiting).to.equal(1);
    expect(await queue.take()).to.equal('a');
    queue.done('a');
    clock.advance(1000);
    expect(queue.isIdle).to.equal(true);
  });

  it('waits longer with every failure until it is forgotten', () => {
    const { queue, clock } = make({ next: () => 0.999 });
    const waits: number[] = [];
    for (let failure = 0; failure < 6; failure++) {
      queue.addRateLimited('a');
      const startMs = clock.now();
      while (queue.waiting === 0) clock.advance(1);
      waits.push(clock.now() - startMs);
      void queue.take();
      queue.done('a');
    }
    expect(waits).to.deep.equal([9, 19, 39, 79, 99, 99]);
    queue.forget('a');
    expect(queue.failures('a')).to.equal(0);
  });

  it('hands out what waits after shutdown, then ends, and takes nothing more', async () => {
    const { queue, clock } = make();
    queue.add('a');
    queue.addAfter('late', 10);
    queue.shutDown();
    queue.add('b');
    clock.advance(100);
    expect(await queue.take()).to.equal('a');
    expect(await queue.take()).to.equal(undefined);
  });

  it('is drained only when what was processed, dirty keys included, is done', async () => {
    const { queue } = make();
    queue.add('a');
    await queue.take();
    queue.add('a');
    let isDrained = false;
    const drained = queue.drain().then(() => void (isDrained = true));
    const next = queue.take();
    queue.done('a');
    await settle();
    expect(isDrained).to.equal(false);
    expect(await next).to.equal(undefined);
    expect(await queue.take()).to.equal('a');
    queue.done('a');
    await drained;
  });

  it('refuses done for a key that was not taken', () => {
    expect(() => make().queue.done('a')).to.throw('a is done but was not taken');
  });

  it('tells its metrics', async () => {
    const told: string[] = [];
    const metrics: WorkQueueMetrics = {
      added: () => told.push('added'),
      depth: (waiting) => told.push(`depth ${waiting}`),
      waited: (ms) => told.push(`waited ${ms}`),
      worked: (ms) => told.push(`worked ${ms}`),
      retried: () => told.push('retried'),
    };
    const clock = new ManualClock();
    const queue = new WorkQueue({ clock, random: seededRandom(1), metrics });
    queue.add('a');
    clock.advance(7);
    await queue.take();
    clock.advance(3);
    queue.done('a');
    queue.addRateLimited('a');
    expect(told).to.deep.equal(['added', 'depth 1', 'depth 0', 'waited 7', 'worked 3', 'retried']);
    queue.shutDown();
  });

  it('ends its workers with a bug of theirs', async () => {
    const { queue } = make();
    queue.add('a');
    const run = runWorkers(queue, 2, () => Promise.reject(new Error('bug')));
    expect(await run.catch((cause: unknown) => String(cause))).to.equal('Error: bug');
  });

  // Every interleaving of adds from outside, adds of its own key by a reconcile, ends of reconciles and a shutdown.
  it('never processes a key twice at a time and loses no add, whatever the interleaving', async () => {
    const keys = fc.constantFrom('a', 'b', 'c');
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.record({ do: fc.constant('add' as const), key: keys }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('addAfter' as const), key: keys, ms: fc.nat(20) }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('retry' as const), key: keys }) },
      {
        weight: 5,
        arbitrary: fc.record({ do: fc.constant('finish' as const), which: fc.nat(3), again: fc.boolean() }),
      },
      { weight: 3, arbitrary: fc.record({ do: fc.constant('time' as const), ms: fc.nat(30) }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), fc.nat(3), fc.boolean(), async (steps, workers, early) => {
        const { queue, clock } = make();
        const running: { key: string; end: () => void }[] = [];
        // When each key was last asked for and last begun: an add is lost if no reconcile begins at or after it.
        let now = 0;
        const asked = new Map<string, number>();
        const askedLater = new Map<string, number>();
        const begun = new Map<string, number>();
        const ask = (key: string): void => void asked.set(key, ++now);
        const run = runWorkers(queue, workers + 1, async (key) => {
          expect(running.map((one) => one.key)).not.to.include(key);
          begun.set(key, ++now);
          await new Promise<void>((end) => running.push({ key, end }));
        });
        for (const step of steps) {
          if (step.do === 'add') {
            ask(step.key);
            queue.add(step.key);
          } else if (step.do === 'addAfter') {
            askedLater.set(step.key, ++now);
            queue.addAfter(step.key, step.ms);
          } else if (step.do === 'retry') {
            askedLater.set(step.key, ++now);
            queue.addRateLimited(step.key);
          } else if (step.do === 'time') clock.advance(step.ms);
          else if (running.length > 0) {
            const [one] = running.splice(step.which % running.length, 1);
            if (step.again && one !== undefined) {
              ask(one.key);
              queue.add(one.key);
            }
            one?.end();
          }
          await settle();
          expect(running.length).to.be.at.most(workers + 1);
        }
        // Delayed keys are promised only while the queue lives.
        if (!early) clock.advance(1_000);
        const drained = queue.drain();
        while (running.length > 0 || !queue.isIdle) {
          running.shift()?.end();
          await settle();
        }
        await drained;
        await run;
        const promised = early ? [...asked] : [...asked, ...askedLater];
        for (const [key, when] of promised) expect(begun.get(key)).to.be.greaterThan(when);
      }),
      { numRuns: 300 },
    );
  });
});

function make(random = seededRandom(1)): { queue: WorkQueue; clock: ManualClock } {
  const clock = new ManualClock();
  return { clock, queue: new WorkQueue({ clock, random, backoff: { baseMs: 10, capMs: 100 } }) };
}

/** Lets all promises that can settle do so. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
