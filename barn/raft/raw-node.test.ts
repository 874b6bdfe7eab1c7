import { expect } from 'chai';
import { MemoryStorage } from './memory-storage.ts';
import { appendThread, applyThread, type Entry, type MemberId, type Message, type RaftConfig } from './protocol.ts';
import { RawNode } from './raw-node.ts';

const text = (entry: Entry): string => new TextDecoder().decode(entry.data);
const bytes = (value: string): Uint8Array => new TextEncoder().encode(value);

class Member {
  readonly storage = new MemoryStorage();
  readonly node: RawNode;
  readonly applied: string[] = [];

  constructor(id: MemberId, voters: readonly MemberId[], options: Partial<RaftConfig>) {
    const confState = { voters, learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false };
    this.storage.applySnapshot({ index: 1, term: 1, confState });
    this.storage.setHardState({ term: 1, vote: 0, commit: 1 });
    this.node = new RawNode({
      id,
      electionTick: 10,
      heartbeatTick: 1,
      storage: this.storage,
      applied: 0,
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
      ...options,
    });
  }

  /** Does what is to be done and returns what goes to other members. */
  work(isAsync: boolean): readonly Message[] {
    const ready = this.node.ready();
    if (!isAsync) {
      if (ready.hardState !== undefined) this.storage.setHardState(ready.hardState);
      this.storage.append(ready.entries);
      this.apply(ready.committedEntries);
      this.node.advance();
      return ready.messages;
    }
    return ready.messages.flatMap((message) => {
      if (message.to === appendThread) this.storage.append(message.entries);
      else if (message.to === applyThread) this.apply(message.entries);
      else return [message];
      return message.responses ?? [];
    });
  }

  private apply(entries: readonly Entry[]): void {
    for (const entry of entries) if (entry.data.length > 0) this.applied.push(text(entry));
  }
}

function settle(members: ReadonlyMap<MemberId, Member>, isAsync: boolean): void {
  for (let isBusy = true; isBusy; ) {
    isBusy = false;
    for (const member of members.values()) {
      if (!member.node.hasReady()) continue;
      isBusy = true;
      for (const message of member.work(isAsync)) members.get(message.to)?.node.step(message);
    }
  }
}

for (const isAsync of [false, true])
  describe(`three members with ${isAsync ? 'asynchronous' : 'synchronous'} storage writes`, () => {
    const members = new Map<MemberId, Member>();
    const member = (id: MemberId): Member => members.get(id) ?? expect.fail(`no member ${id}`);
    before(() => {
      for (const id of [1, 2, 3]) members.set(id, new Member(id, [1, 2, 3], { asyncStorageWrites: isAsync }));
      member(1).node.campaign();
      settle(members, isAsync);
    });

    it('elect one leader', () => {
      const roles = [...members.values()].map(({ node }) => node.basicStatus().role);
      expect(roles).to.deep.equal(['StateLeader', 'StateFollower', 'StateFollower']);
      expect(member(3).node.basicStatus()).to.include({ term: 2, leader: 1, commit: 2 });
    });

    it('apply what was proposed, at any of them, everywhere and in one order', () => {
      expect(member(1).node.propose([bytes('a'), bytes('b')])).to.equal(undefined);
      expect(member(2).node.propose(bytes('c'))).to.equal(undefined);
      settle(members, isAsync);
      for (const one of members.values()) expect(one.applied).to.deep.equal(['a', 'b', 'c']);
    });

    it('answer reads at the commit index, at any of them', () => {
      member(3).node.readIndex(bytes('read'));
      for (const message of member(3).node.ready().messages) member(1).node.step(message);
      if (!isAsync) member(3).node.advance();
      let answer: readonly { readonly index: number }[] = [];
      for (const to of [1, 2, 1]) {
        for (const message of member(to).work(isAsync)) {
          if (message.to === 3 && message.type === 'MsgReadIndexResp') {
            member(3).node.step(message);
            answer = member(3).node.ready().readStates;
            if (!isAsync) member(3).node.advance();
          } else {
            members.get(message.to)?.node.step(message);
          }
        }
      }
      expect(answer.map(({ index }) => index)).to.deep.equal([5]);
      settle(members, isAsync);
    });

    it('hand leadership over', () => {
      member(1).node.transferLeader(2);
      settle(members, isAsync);
      expect(member(2).node.basicStatus()).to.include({ role: 'StateLeader', term: 3 });
      expect(member(1).node.basicStatus()).to.include({ role: 'StateFollower', leader: 2 });
    });
  });
