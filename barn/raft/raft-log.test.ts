import { expect } from 'chai';
import { MemoryStorage } from './memory-storage.ts';
import { logOf } from './paper/group.ts';
import { RaftLog } from './raft-log.ts';

/** Entries 1 … 3 stored, 4 … 5 not; terms 1 1 2 2 3. */
function log(applyingBytesMax = Number.POSITIVE_INFINITY): RaftLog {
  const storage = new MemoryStorage();
  storage.append(logOf(1, 1, 2));
  const made = new RaftLog(storage, applyingBytesMax);
  made.append(logOf(1, 1, 2, 2, 3).slice(3));
  return made;
}

describe('the log', () => {
  it('knows the terms of stored and unstored entries, and none beyond', () => {
    const terms = [0, 1, 2, 3, 4, 5, 6].map((index) => log().term(index));
    expect(terms).to.deep.equal([0, 1, 1, 2, 2, 3, undefined]);
  });

  it('knows no terms before what is compacted, but the last', () => {
    const storage = new MemoryStorage();
    storage.append(logOf(1, 1, 2));
    storage.compact(2);
    const compacted = new RaftLog(storage, Number.POSITIVE_INFINITY);
    expect([1, 2, 3].map((index) => compacted.term(index))).to.deep.equal([undefined, 1, 2]);
    expect(compacted.entries(2, 100)).to.equal(undefined);
  });

  for (const { allowUnstable, indexes } of [
    { allowUnstable: true, indexes: [1, 2, 3, 4] },
    { allowUnstable: false, indexes: [1, 2, 3] },
  ])
    it(`hands out committed entries, ${allowUnstable ? 'also' : 'never'} those that are not stored`, () => {
      const one = log();
      one.commitTo(4);
      expect(one.nextCommitted(allowUnstable).map(({ index }) => index)).to.deep.equal(indexes);
    });

  it('hands out no more than the bound until something is applied', () => {
    const one = log(34);
    one.commitTo(5);
    const first = one.nextCommitted(true);
    expect(first.map(({ index }) => index)).to.deep.equal([1, 2]);
    one.acceptApplying(2, 34, true);
    expect(one.hasNextCommitted(true)).to.equal(false);
    one.appliedTo(1, 17);
    expect(one.nextCommitted(true).map(({ index }) => index)).to.deep.equal([3]);
  });

  for (const { low, bytesMax, indexes } of [
    { low: 1, bytesMax: 1_000, indexes: [1, 2, 3, 4, 5] },
    { low: 2, bytesMax: 34, indexes: [2, 3] },
    { low: 2, bytesMax: 51, indexes: [2, 3, 4] },
    { low: 3, bytesMax: 0, indexes: [3] },
    { low: 4, bytesMax: 1_000, indexes: [4, 5] },
    { low: 6, bytesMax: 1_000, indexes: [] },
  ])
    it(`gives ${indexes.length} entries from ${low} on within ${bytesMax} bytes`, () => {
      expect(
        log()
          .entries(low, bytesMax)
          ?.map(({ index }) => index),
      ).to.deep.equal(indexes);
    });

  for (const { index, term, guess } of [
    { index: 5, term: 3, guess: 5 },
    { index: 5, term: 2, guess: 4 },
    { index: 5, term: 1, guess: 2 },
    { index: 5, term: 0, guess: 0 },
    { index: 9, term: 1, guess: 9 },
  ])
    it(`may agree up to ${guess} with one that has term ${term} at ${index}`, () => {
      expect(log().lastPossibleMatch(index, term)).to.equal(guess);
    });

  it('commits only what it has, and never takes it back', () => {
    const one = log();
    one.commitTo(3);
    one.commitTo(1);
    expect(one.committed).to.equal(3);
    expect(() => one.commitTo(6)).to.throw('lost entries');
    expect(() => one.append(logOf(9, 9, 9).slice(2))).to.throw('conflicts with a committed one');
    expect(() => one.appliedTo(4, 0)).to.throw('outside');
  });
});

describe('the storage in memory', () => {
  const stored = (): MemoryStorage => {
    const storage = new MemoryStorage();
    storage.append(logOf(1, 1, 2, 2));
    storage.compact(2);
    return storage;
  };

  it('replaces from the first index given on, and leaves out what is compacted', () => {
    const storage = stored();
    storage.append(logOf(1, 1, 3));
    expect([storage.firstIndex(), storage.lastIndex(), storage.term(3)]).to.deep.equal([3, 3, 3]);
  });

  it('says what is gone and what was never there', () => {
    const storage = stored();
    expect(() => storage.term(1))
      .to.throw()
      .with.property('reason', 'Compacted');
    expect(() => storage.term(5))
      .to.throw()
      .with.property('reason', 'Unavailable');
    expect(() => storage.entries(2, 4, 100))
      .to.throw()
      .with.property('reason', 'Compacted');
    expect(() => storage.entries(3, 6, 100))
      .to.throw()
      .with.property('reason', 'Unavailable');
    expect(() => storage.compact(2))
      .to.throw()
      .with.property('reason', 'Compacted');
  });

  it('takes no snapshot that is older than its own', () => {
    const storage = stored();
    const { confState } = storage.initialState();
    expect(storage.createSnapshot(3, confState)).to.include({ index: 3, term: 2 });
    expect(() => storage.createSnapshot(3))
      .to.throw()
      .with.property('reason', 'SnapshotOutOfDate');
    expect(() => storage.applySnapshot({ index: 2, term: 2, confState }))
      .to.throw()
      .with.property('reason', 'SnapshotOutOfDate');
    storage.applySnapshot({ index: 9, term: 4, confState });
    expect([storage.firstIndex(), storage.lastIndex(), storage.term(9)]).to.deep.equal([10, 9, 4]);
  });
});
