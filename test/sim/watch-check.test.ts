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

  for (const [title, fault, from, ...batches] of [
    ['a gap', 'left out revision 2', 1, first, fourth],
    ['a double', 'came after', 1, first, first],
    ['the wrong order', 'left out revision 1', 1, second, first],
    ['a split transaction', 'should be', 1, first, batch(2, event('b', 2))],
    ['progress ahead of events', 'left out revision 2', 1, first, batch(3)],
    ['progress that goes back', 'came as progress after', 3, batch(3), batch(1)],
    ['the future', 'is from the future', 5, batch(5)],
    ['a stream resumed one late', 'left out revision 2', 2, batch(3)],
    ['a key that was not asked for', 'should be', 3, batch(3, event('x', 3))],
    ['another value', 'should be', 1, batch(1, event('a', 2))],
  ] as const)
    it(`refuses ${title}`, () => expect(told(from, ...batches)).to.contain(fault));
});
