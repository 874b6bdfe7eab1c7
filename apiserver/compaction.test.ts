import { expect } from 'chai';
import { type Barn, createMemoryBarn, type ReplicatedBarn } from '../barn/index.ts';
import { ManualClock, silentLog } from '../base/index.ts';
import { compactByTime } from './compaction.ts';

const historyMs = 1_000;

describe('apiserver: compaction by time', () => {
  for (const [title, dress, isCompacted] of [
    ['forgets what is older, in a store of one server', (memory: Barn) => memory, true],
    ["is done by the leader's server", (memory: Barn) => memberOf(ledBy(memory, 1)), true],
    ['is left to it by the others', (memory: Barn) => memberOf(ledBy(memory, 2)), false],
    ['is done by each server on an etcd, whoever leads that', (memory: Barn) => ledBy(memory, 2), true],
  ] as const)
    it(title, async () => {
      const clock = new ManualClock();
      const memory = createMemoryBarn();
      const compaction = compactByTime(dress(memory), clock, historyMs, silentLog);
      try {
        for (let round = 1; round <= 4; round++) {
          await memory.txn([], [{ do: 'put', key: 'a', value: new Uint8Array([round]) }]);
          clock.advance(historyMs / 2);
          // All that a tick waits for are promises that are kept in this turn.
          await new Promise((resolve) => setImmediate(resolve));
        }
        expect((await memory.status()).compactRevision).to.equal(isCompacted ? 2 : 0);
      } finally {
        compaction.stop();
        await memory.close();
      }
    });
});

/** The store as member 1 of a group sees it. */
function ledBy(memory: Barn, leader: number): Barn {
  const raft = { id: 1, leader, term: 1, committed: 1, applied: 1, isLearner: false };
  return {
    range: (...args) => memory.range(...args),
    txn: (...args) => memory.txn(...args),
    watch: (...args) => memory.watch(...args),
    readIndex: () => memory.readIndex(),
    compact: (revision) => memory.compact(revision),
    members: () => memory.members(),
    status: async () => ({ ...(await memory.status()), raft }),
    snapshot: (signal) => memory.snapshot(signal),
    close: () => memory.close(),
  };
}

/** The store as one that its servers keep themselves. */
function memberOf(barn: Barn): ReplicatedBarn {
  const never = (): Promise<never> => Promise.reject(new Error('nobody changes members here'));
  return {
    ...barn,
    addLearner: never,
    promote: never,
    replace: never,
    counts: never,
    remove: never,
    transferLeader: never,
    disarm: never,
    stepDown: never,
  };
}
