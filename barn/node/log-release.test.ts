import { expect } from 'chai';
import { MemoryStorage } from '../raft/memory-storage.ts';
import type { Entry, Snapshot } from '../raft/protocol.ts';
import type { Wal } from '../wal/wal.ts';
import { LogRelease } from './log-release.ts';

const confState = { voters: [1], learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false };
const mark = (index: number, term: number): Snapshot => ({ index, term, confState });
const entry = (index: number, term: number): Entry => ({ index, term, type: 'EntryNormal', data: new Uint8Array(1) });

/** A log of ten entries of term 1 that keeps none of what is durable, and what was released of it. */
function made() {
  const storage = new MemoryStorage();
  storage.append(Array.from({ length: 10 }, (_, at) => entry(at + 1, 1)));
  const released: number[] = [];
  const wal: Wal = {
    append: async () => {},
    release: async ({ index }) => void released.push(index),
    keys: () => new Set<string>(),
    reseal: async () => {},
    sizeBytes: () => 0,
    close: async () => {},
  };
  const fail = (error: unknown): never => expect.fail(String(error));
  const release = new LogRelease(wal, storage, fail, { keptEntries: 0, keptBytes: 0, stepEntries: 1 });
  return { storage, release, released };
}

describe('what the log lets go of', () => {
  it('is what the state has on disk', () => {
    const { storage, release, released } = made();
    release.durable(mark(6, 1));
    expect(released).to.deep.equal([6]);
    expect([storage.firstIndex(), storage.lastIndex(), storage.snapshot().index]).to.deep.equal([7, 10, 6]);
  });

  for (const [title, installed] of [
    ['beyond its end', mark(20, 2)],
    ['of another history', mark(8, 2)],
  ] as const)
    it(`is nothing while the state stands ${title}, by a snapshot that the core has not taken`, () => {
      const { storage, release, released } = made();
      release.durable(installed);
      release.durable(mark(30, 2));
      expect(released).to.deep.equal([]);
      expect([storage.firstIndex(), storage.lastIndex(), storage.snapshot().index]).to.deep.equal([1, 10, 0]);
      storage.applySnapshot(mark(30, 2));
      storage.append([entry(31, 2), entry(32, 2), entry(33, 2)]);
      release.durable(mark(32, 2));
      expect(released).to.deep.equal([32]);
    });
});
