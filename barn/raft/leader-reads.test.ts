import { expect } from 'chai';
import { MemoryStorage } from './memory-storage.ts';
import type { ReadState } from './protocol.ts';
import { RawNode } from './raw-node.ts';

describe('Reads of a member alone', () => {
  it('wait for an entry of its term: the commit index on its disk may be older than what it answered', () => {
    const storage = new MemoryStorage();
    const confState = { voters: [1], learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false };
    storage.applySnapshot({ index: 1, term: 1, confState });
    storage.setHardState({ term: 2, vote: 1, commit: 1 });
    storage.append([{ term: 2, index: 2, type: 'EntryNormal', data: new Uint8Array([7]) }]);
    const node = new RawNode({
      id: 1,
      electionTick: 10,
      heartbeatTick: 1,
      storage,
      applied: 1,
      asyncStorageWrites: false,
      maxSizePerMsg: 1 << 20,
      maxCommittedSizePerReady: 1 << 20,
      maxUncommittedEntriesSize: 0,
      maxInflightMsgs: 256,
      maxInflightBytes: 0,
      checkQuorum: true,
      preVote: true,
      disableProposalForwarding: false,
      disableConfChangeValidation: false,
      stepDownOnRemoval: true,
      random: () => 0,
    });
    const reads: ReadState[] = [];
    node.campaign();
    let isAsked = false;
    while (node.hasReady()) {
      const ready = node.ready();
      if (ready.hardState !== undefined) storage.setHardState(ready.hardState);
      storage.append(ready.entries);
      reads.push(...ready.readStates);
      node.advance();
      if (node.status().role !== 'StateLeader' || isAsked) continue;
      node.readIndex(new Uint8Array([1]));
      isAsked = true;
    }
    expect(reads.map(({ index }) => index)).to.deep.equal([3]);
  });
});
