import { expect } from 'chai';
import type { BarnEvent, WatchBatch } from '../../barn/index.ts';
import { StreamCheck } from './watch-check.ts';

const event = (key: string, modRevision: number): BarnEvent => ({
  type: 'put',
  kv: {
    key,
    value: new Uint8Array(Buffer.from(`${modRevision}`)),
    createRevision: modRevision,
    modRevision,
    version: 1,
  },
});
const log: readonly (readonly BarnEvent[])[] = [
  [],
  [event('a', 1)],
  [event('b', 2), event('c', 2)],
  [event('x', 3)],
  [event('a', 4)],
];
const truth = { revision: 4, eventsOf: (revision: number) => log[revision] };
const batch = (revision: number, ...events: BarnEvent[]): WatchBatch => ({ revision, events });

function told(from: number, ...batches: WatchBatch[]): string | undefined {
  const check = new StreamCheck({ client: 'c', start: 'a', end: 'd', from }, truth);
  return batches.map((one) => check.take(one)).find((fault) => fault !== undefined);
}

const first = batch(1, event('a', 1));
const second = batch(2, event('b', 2), event('c', 2));
const fourth = batch(4, event('a', 4));

describe('Watch stream checker', () => {
  for (const [title, from, ...batches] of [
    ['all of a range', 1, first, second, fourth],
    ['progress between', 1, first, batch(1), second, batch(3), fourth, batch(4)],
    ['a resumed stream', 3, batch(3), fourth],
    ['a stream that begins in the future', 6],
  ] as const)
    it(`takes ${title}`, () => expect(told(from, ...batches)).to.equal(undefined));

  const planted = [
    ['no gap', 'a gap', 'left out revision 2', 1, first, fourth],
    ['unique', 'a double', 'came after', 1, first, first],
    ['ordered', 'the wrong order', 'left out revision 1', 1, second, first],
    ['ordered', 'one from before what was told', 'came after', 1, first, second, first],
    ['atomic', 'a split transaction', 'should be', 1, first, batch(2, event('b', 2))],
    ['atomic', 'a transaction in two parts', 'should be', 1, first, batch(2, event('c', 2)), batch(2, event('b', 2))],
    ['no gap', 'progress ahead of events', 'left out revision 2', 1, first, batch(3)],
    ['ordered', 'progress that goes back', 'came as progress after', 3, batch(3), batch(1)],
    ['no future', 'the future', 'is from the future', 5, batch(5)],
    ['no future', 'an event of the future', 'is from the future', 5, batch(5, event('a', 5))],
    ['resumable', 'a stream resumed one late', 'left out revision 2', 2, batch(3)],
    ['resumable', 'a stream resumed one early', 'came after', 2, first],
    ['as committed', 'a key that was not asked for', 'should be', 3, batch(3, event('x', 3))],
    ['as committed', 'another value', 'should be', 1, batch(1, event('a', 2))],
  ] as const;
  for (const [rule, title, fault, from, ...batches] of planted)
    it(`refuses ${title} (${rule})`, () => expect(told(from, ...batches)).to.contain(fault));

  it('was shown a breach of each promise of a stream', () =>
    expect([...new Set(planted.map(([rule]) => rule))].sort()).to.deep.equal([
      'as committed',
      'atomic',
      'no future',
      'no gap',
      'ordered',
      'resumable',
      'unique',
    ]));
});
