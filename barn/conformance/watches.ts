// Watches: backlog, then what comes; progress; bounds; ends. Part of the suite of every twin.
import { getEventListeners } from 'node:events';
import { expect } from 'chai';
import type { ManualClock } from '../../base/index.ts';
import type { Barn, WatchBatch } from '../barn.ts';
import { expectReason, kv, put, putOf, remove, settledWithin, short, take } from './support.ts';

/** Declares this part for the store that `barn` gives. */
export function describeWatches(barn: () => Barn, clock: () => ManualClock, readsBack: boolean): void {
  it('tells of what comes after it, without what was before', async () => {
    await put(barn(), 'a', '1');
    const watch = await barn().watch('a', 'z', 0);
    await put(barn(), 'a', '2');
    await remove(barn(), 'a');
    expect(await take(watch, 2)).to.deep.equal([
      { revision: 2, events: [{ type: 'put', kv: kv('a', '2', 1, 2, 2) }] },
      { revision: 3, events: [{ type: 'delete', kv: kv('a', '', 0, 3, 0) }] },
    ]);
  });

  it('tells of everything from a revision on, that one included, then of what comes', async () => {
    for (const value of ['1', '2', '3']) await put(barn(), 'a', value);
    const watch = await barn().watch('a', undefined, 2);
    await put(barn(), 'a', '4');
    expect((await take(watch, 2)).map(({ revision }) => revision)).to.deep.equal([2, 3]);
    await put(barn(), 'a', '5');
    expect((await take(watch, 2)).map(({ revision }) => revision)).to.deep.equal([4, 5]);
  });

  it('tells of nothing before a revision that is yet to come', async () => {
    const watch = await barn().watch('a', 'z', 3, { progress: true });
    for (const value of ['1', '2', '3']) await put(barn(), 'a', value);
    expect((await take(watch, 1)).map(({ revision }) => revision)).to.deep.equal([3]);
  });

  it('tells only of its range, and never splits a revision', async () => {
    const watch = await barn().watch('b', 'd', 0);
    const one = await barn().watch('c', undefined, 0);
    await put(barn(), 'a', 'x');
    await barn().txn([], [putOf('d', '1'), putOf('c', '2'), putOf('b', '3'), putOf('a', '4')]);
    expect(await take(watch, 1)).to.deep.equal([
      {
        revision: 2,
        events: [
          { type: 'put', kv: kv('c', '2', 2, 2, 1) },
          { type: 'put', kv: kv('b', '3', 2, 2, 1) },
        ],
      },
    ]);
    expect(await take(one, 1)).to.deep.equal([{ revision: 2, events: [{ type: 'put', kv: kv('c', '2', 2, 2, 1) }] }]);
  });

  for (const [title, from] of [
    ['as it happens', 0],
    ['from the history', 1],
  ] as const) {
    it(`tells what was there before when asked, ${title}`, async () => {
      const early = from === 0 ? await barn().watch('a', 'z', 0, { prevValue: true }) : undefined;
      await put(barn(), 'a', '1');
      await put(barn(), 'a', '2');
      await remove(barn(), 'a');
      const watch = early ?? (await barn().watch('a', 'z', from, { prevValue: true }));
      expect((await take(watch, 3)).flatMap(({ events }) => events)).to.deep.equal([
        { type: 'put', kv: kv('a', '1', 1, 1, 1) },
        { type: 'put', kv: kv('a', '2', 1, 2, 2), prev: kv('a', '1', 1, 1, 1) },
        { type: 'delete', kv: kv('a', '', 0, 3, 0), prev: kv('a', '2', 1, 2, 2) },
      ]);
    });
  }

  it('hands the same objects to all who ask for the same', async () => {
    await put(barn(), 'a', '1');
    const watches = [await barn().watch('a', 'z', 2), await barn().watch('a', 'z', 2), await barn().watch('a', 'z', 1)];
    await barn().txn([], [putOf('a', '2'), putOf('z', '2')]);
    const [first, second] = await Promise.all(watches.slice(0, 2).map((watch) => take(watch, 1)));
    expect(first?.[0]).to.equal(second?.[0]);
    expect(first?.[0]?.events).to.have.length(1);
    const late = (await take(watches[2], 2))[1];
    if (readsBack) expect(late?.events).to.deep.equal(first?.[0]?.events);
    else expect(late?.events[0]).to.equal(first?.[0]?.events[0]);
  });

  it('says how far it is after the backlog, and later when others moved the revision, at most every 200 ms', async () => {
    await put(barn(), 'a', '1');
    await put(barn(), 'other', '2');
    const watch = await barn().watch('a', undefined, 1, { progress: true });
    const quiet = await barn().watch('a', undefined, 0, { progress: true });
    expect((await take(watch, 2)).map(short)).to.deep.equal(['1:1', '2:0']);
    expect((await take(quiet, 1)).map(short)).to.deep.equal(['2:0']);
    const coming = take(watch, 1);
    await put(barn(), 'other', '3');
    clock().advance(199);
    await put(barn(), 'other', '4');
    expect(await settledWithin(coming)).to.equal(false);
    clock().advance(1);
    expect((await coming).map(short)).to.deep.equal(['4:0']);
    await put(barn(), 'other', '5');
    await put(barn(), 'other', '6');
    clock().advance(200);
    await put(barn(), 'other', '7');
    clock().advance(200);
    expect((await take(watch, 1)).map(short), 'who reads late learns the newest only').to.deep.equal(['7:0']);
    await put(barn(), 'a', '8');
    clock().advance(1_000);
    const next = take(watch, 2);
    expect(await settledWithin(next), 'an event is progress enough').to.equal(false);
    await put(barn(), 'a', '9');
    expect((await next).map(short)).to.deep.equal(['8:1', '9:1']);
  });

  it('says nothing of progress to who did not ask', async () => {
    const watch = await barn().watch('a', undefined, 0);
    await put(barn(), 'other', '1');
    clock().advance(1_000);
    await put(barn(), 'a', '2');
    expect((await take(watch, 1)).map(short)).to.deep.equal(['2:1']);
  });

  it('ends with Overrun when too much waits for the reader, and bothers nobody else', async () => {
    const slow = await barn().watch('a', 'z', 0);
    const other = await barn().watch('a', 'z', 0);
    const history = await barn().watch('a', 'z', 1);
    const seen: string[] = [];
    for (let index = 1; index <= 5; index++) {
      await put(barn(), 'a', 'x'.repeat(1_000));
      seen.push(...(await take(other, 1)).map(short));
    }
    await expectReason(slow.next(), 'Overrun');
    expect(await slow.next()).to.deep.equal({ done: true, value: undefined });
    expect(seen).to.deep.equal(['1:1', '2:1', '3:1', '4:1', '5:1']);
    await expectReason(history.next(), 'Overrun');
    const behind = await barn().watch('a', 'z', 1);
    expect((await take(behind, 5)).map(short), 'the history is read at the pace of the reader').to.deep.equal(seen);
  });

  it('counts only what still waits towards Overrun', async () => {
    const watch = await barn().watch('a', 'z', 0);
    for (let revision = 1; revision <= 16; revision += 2) {
      await put(barn(), 'a', 'x'.repeat(1_000));
      await put(barn(), 'a', 'x'.repeat(1_000));
      expect((await take(watch, 2)).map(short)).to.deep.equal([`${revision}:1`, `${revision + 1}:1`]);
    }
  });

  it('lets others have their turn while a long history is read', async () => {
    const pending: Promise<unknown>[] = [];
    for (let index = 0; index < 1_000; index++) pending.push(put(barn(), 'a', ''));
    await Promise.all(pending);
    let turns = 0;
    const count = () => {
      turns++;
      turning = setImmediate(count);
    };
    let turning = setImmediate(count);
    const seen = await take(await barn().watch('a', 'z', 1), 1_000);
    clearImmediate(turning);
    expect(seen.map(({ revision }) => revision)).to.deep.equal(Array.from({ length: 1_000 }, (_, index) => index + 1));
    expect(turns).to.be.at.least(4);
  });

  it('hands over a batch that alone is larger than the buffer', async () => {
    const watch = await barn().watch('a', 'z', 0);
    await put(barn(), 'a', 'x'.repeat(10_000));
    expect((await take(watch, 1)).map(short)).to.deep.equal(['1:1']);
  });

  it('ends quietly when the signal aborts: before, while waiting, while not read', async () => {
    const before = await barn().watch('a', 'z', 0, { signal: AbortSignal.abort() });
    expect((await before.next()).done).to.equal(true);
    const controller = new AbortController();
    const waiting = await barn().watch('a', 'z', 0, { signal: controller.signal });
    const unread = await barn().watch('a', 'z', 0, { signal: controller.signal });
    await put(barn(), 'a', '1');
    await waiting.next();
    const next = waiting.next();
    controller.abort();
    expect((await next).done).to.equal(true);
    expect((await unread.next()).done).to.equal(true);
  });

  it('leaves the signal alone once the reader returned', async () => {
    const { signal } = new AbortController();
    const watch = await barn().watch('a', 'z', 0, { signal });
    expect(getEventListeners(signal, 'abort')).to.have.length(1);
    await watch.return?.();
    expect(getEventListeners(signal, 'abort')).to.have.length(0);
  });

  it('ends when the reader returns', async () => {
    await put(barn(), 'a', '1');
    await put(barn(), 'a', '2');
    const seen: WatchBatch[] = [];
    const watch = await barn().watch('a', 'z', 1);
    for await (const batch of watch) {
      seen.push(batch);
      break;
    }
    expect(seen.map(short)).to.deep.equal(['1:1']);
    expect((await watch.next()).done).to.equal(true);
  });

  it('refuses more watches than it has room for, until one ends', async () => {
    const watches = [];
    for (let index = 0; index < 8; index++) watches.push(await barn().watch(`k${index % 3}`, undefined, 0));
    await expectReason(barn().watch('k', 'l', 0), 'Overloaded');
    await watches[3]?.return?.();
    await watches[3]?.return?.();
    await barn().watch('k', 'l', 0);
    await expectReason(barn().watch('k', 'l', 0), 'Overloaded');
  });
}
