import { expect } from 'chai';
import { logOf } from './paper/group.ts';
import type { Entry } from './protocol.ts';
import { Unstable } from './unstable.ts';

/** Entries 1, 2, 3 of terms 1, 1, 1, of which the first `inProgress` are being written. */
function unstableWith(inProgress: number): Unstable {
  const unstable = new Unstable(1);
  const entries = logOf(1, 1, 1);
  unstable.truncateAndAppend(entries.slice(0, inProgress), 0);
  unstable.acceptInProgress();
  unstable.truncateAndAppend(entries.slice(inProgress), 0);
  return unstable;
}

const ids = (entries: readonly Entry[]): readonly string[] => entries.map(({ term, index }) => `${term}/${index}`);
const from = (index: number, ...terms: readonly number[]): readonly Entry[] =>
  logOf(...Array.from({ length: index - 1 }, () => 1), ...terms).slice(index - 1);

describe('the unstable end of the log', () => {
  for (const { inProgress, next } of [
    { inProgress: 0, next: ['1/1', '1/2', '1/3'] },
    { inProgress: 2, next: ['1/3'] },
    { inProgress: 3, next: [] },
  ])
    it(`with ${inProgress} entries being written, hands out ${next.length}`, () => {
      const unstable = unstableWith(inProgress);
      expect(ids(unstable.nextEntries())).to.deep.equal(next);
      expect(unstable.hasNextEntries).to.equal(next.length > 0);
    });

  for (const { title, inProgress, index, terms, last, next } of [
    { title: 'appends at the end', inProgress: 3, index: 4, terms: [2], last: 4, next: ['2/4'] },
    { title: 'replaces what is being written', inProgress: 3, index: 2, terms: [2, 2], last: 3, next: ['2/2', '2/3'] },
    { title: 'replaces what is not', inProgress: 1, index: 3, terms: [2], last: 3, next: ['1/2', '2/3'] },
    { title: 'replaces all', inProgress: 3, index: 1, terms: [2], last: 1, next: ['2/1'] },
  ])
    it(title, () => {
      const unstable = unstableWith(inProgress);
      const handedOut = unstable.slice(1, 4);
      unstable.truncateAndAppend(from(index, ...terms), 0);
      expect(unstable.lastIndex()).to.equal(last);
      expect(ids(unstable.nextEntries())).to.deep.equal(next);
      expect(ids(handedOut)).to.deep.equal(['1/1', '1/2', '1/3']);
    });

  it('begins before the storage ends when entries of the storage are replaced', () => {
    const unstable = new Unstable(6);
    unstable.truncateAndAppend(from(4, 2), 0);
    expect(unstable.offset).to.equal(4);
    expect(ids(unstable.nextEntries())).to.deep.equal(['2/4']);
  });

  it('refuses to leave a gap', () => {
    expect(() => unstableWith(0).truncateAndAppend(from(5, 2), 0)).to.throw('leaves a gap');
  });

  for (const { term, index, offset } of [
    { term: 1, index: 2, offset: 3 },
    { term: 1, index: 3, offset: 4 },
    { term: 2, index: 2, offset: 1 },
    { term: 1, index: 0, offset: 1 },
    { term: 1, index: 9, offset: 1 },
  ])
    it(`told that (${term}, ${index}) is stable, begins at ${offset}`, () => {
      const unstable = unstableWith(3);
      unstable.stableTo(term, index);
      expect(unstable.offset).to.equal(offset);
    });

  it('keeps a snapshot until it is stored, and hands it out once', () => {
    const unstable = unstableWith(0);
    const confState = { voters: [1], learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false };
    unstable.restore({ index: 9, term: 2, confState });
    expect([unstable.firstIndex(), unstable.lastIndex(), unstable.term(9), unstable.offset]).to.deep.equal([
      10, 9, 2, 10,
    ]);
    expect(unstable.nextSnapshot()?.index).to.equal(9);
    unstable.acceptInProgress();
    expect(unstable.nextSnapshot()).to.equal(undefined);
    unstable.stableSnapshotTo(8);
    expect(unstable.snapshot?.index).to.equal(9);
    unstable.stableSnapshotTo(9);
    expect(unstable.snapshot).to.equal(undefined);
  });

  for (const { bytesMax, count } of [
    { bytesMax: 0, count: 1 },
    { bytesMax: 17, count: 1 },
    { bytesMax: 34, count: 2 },
    { bytesMax: 50, count: 2 },
    { bytesMax: 51, count: 3 },
  ])
    it(`of three entries of 17 bytes, ${count} go into ${bytesMax}`, () => {
      expect(unstableWith(0).slice(1, 4, bytesMax)).to.have.length(count);
    });
});
