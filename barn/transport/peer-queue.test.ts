import { expect } from 'chai';
import { message } from './conformance/support.ts';
import { PeerQueue } from './peer-queue.ts';

const limits = { queueMessagesMax: 3, queueBytesMax: 1_000 };
const bulk = (index: number, dataBytes = 0): ReturnType<typeof message> =>
  message(1, 2, {
    index,
    entries: [{ term: 1, index, type: 'EntryNormal', data: new Uint8Array(dataBytes) }],
  });
const urgent = (index: number): ReturnType<typeof message> => message(1, 2, { type: 'MsgHeartbeat', index });

function drained(queue: PeerQueue, order: 'as given' | 'urgent first'): readonly number[] {
  const indexes: number[] = [];
  for (let next = queue.next(order); next !== undefined; next = queue.next(order)) indexes.push(next.index);
  return indexes;
}

describe('a peer’s queue', () => {
  for (const [order, expected] of [
    ['as given', [1, 2, 3, 4]],
    ['urgent first', [2, 4, 1, 3]],
  ] as const)
    it(`gives messages ${order}`, () => {
      const queue = new PeerQueue(limits);
      for (const next of [bulk(1), urgent(2), bulk(3), urgent(4)]) queue.add(next);
      expect(drained(queue, order)).to.deep.equal(expected);
      expect(queue.length).to.equal(0);
    });

  it('keeps an empty MsgApp behind those it follows', () => {
    const queue = new PeerQueue(limits);
    for (const next of [bulk(1), message(1, 2, { index: 2 })]) queue.add(next);
    expect(drained(queue, 'urgent first')).to.deep.equal([1, 2]);
  });

  it('takes so many of each lane and no more, and more again when some were taken out', () => {
    const queue = new PeerQueue(limits);
    expect([1, 2, 3, 4].map((index) => queue.add(bulk(index)))).to.deep.equal([true, true, true, false]);
    expect([1, 2, 3, 4].map((index) => queue.add(urgent(index)))).to.deep.equal([true, true, true, false]);
    queue.next('urgent first');
    expect([urgent(5), urgent(6)].map((next) => queue.add(next))).to.deep.equal([true, false]);
  });

  it('takes so many bytes and no more, but always one alone', () => {
    const queue = new PeerQueue(limits);
    expect([bulk(1, 5_000), bulk(2), urgent(3)].map((next) => queue.add(next))).to.deep.equal([true, false, true]);
  });

  it('is empty after a clear, with room for all', () => {
    const queue = new PeerQueue(limits);
    for (const next of [bulk(1, 900), urgent(2)]) queue.add(next);
    queue.clear();
    expect(queue.length).to.equal(0);
    expect(queue.add(bulk(3, 900))).to.equal(true);
    expect(drained(queue, 'as given')).to.deep.equal([3]);
  });
});
