// Snapshots: Raft, 7. Clients and reads: Raft, 8; thesis, 6.4. Quorum checks and pre-vote: thesis, 6.2 and 9.6.
import { expect } from 'chai';
import { bytes, Group, message } from './group.ts';

function groupLedBy1(options = {}): Group {
  const group = new Group([1, 2, 3], options);
  group.elect(1);
  return group;
}

describe('Raft 7, log compaction', () => {
  it('a follower whose entries are compacted away gets a snapshot, then the log goes on', () => {
    const group = groupLedBy1();
    group.cut(3);
    group.propose(1, 'a', 'b');
    group.member(1).compact();
    group.heal();
    group.tick(1, 1);
    group.settle();
    expect(group.delivered.filter(({ type }) => type === 'MsgSnap').map(({ to }) => to)).to.deep.equal([3]);
    expect(group.member(3).applied).to.deep.equal(['a', 'b']);
    group.propose(1, 'c');
    expect(group.member(3).applied).to.deep.equal(['a', 'b', 'c']);
    expect(group.node(1).status().progress[2]).to.include({ state: 'StateReplicate', pendingSnapshot: 0 });
  });

  it('nothing else is sent meanwhile, and a failed one is tried again', () => {
    const group = groupLedBy1();
    group.cut(3);
    group.propose(1, 'a');
    group.member(1).compact();
    group.isLost = ({ type }) => type === 'MsgSnap';
    group.tick(1, 1);
    group.settle();
    expect(group.node(1).status().progress[2]).to.include({ state: 'StateSnapshot', pendingSnapshot: 2 });
    group.propose(1, 'b');
    expect(group.member(3).applied).to.deep.equal([]);
    group.node(1).reportSnapshot(3, false);
    group.heal();
    group.tick(1, 1);
    group.settle();
    expect(group.member(3).applied).to.deep.equal(['a', 'b']);
  });

  it('an old snapshot changes nothing and is answered with the commit index', () => {
    const group = groupLedBy1();
    group.propose(1, 'a');
    const { confState } = group.member(1).storage.initialState();
    group.node(2).step(message('MsgSnap', 1, 2, { term: 1, snapshot: { index: 1, term: 1, confState } }));
    const [answer] = group.member(2).workAll();
    expect([answer?.type, answer?.index]).to.deep.equal(['MsgAppResp', 2]);
  });

  it('who is no member in a snapshot passes it over', () => {
    const group = groupLedBy1();
    const { confState } = group.member(1).storage.initialState();
    const snapshot = { index: 9, term: 1, confState: { ...confState, voters: [1, 3] } };
    group.node(2).step(message('MsgSnap', 1, 2, { term: 1, snapshot }));
    expect(group.node(2).basicStatus().lastIndex).to.equal(1);
  });

  it('who installs a snapshot begins no election before it is done', () => {
    const group = groupLedBy1();
    const { confState } = group.member(1).storage.initialState();
    group.node(2).step(message('MsgSnap', 1, 2, { term: 1, snapshot: { index: 9, term: 1, confState } }));
    group.tick(2, 30);
    expect(group.node(2).basicStatus().role).to.equal('StateFollower');
  });
});

describe('Raft 8, a new leader', () => {
  it('commits an empty entry of its term, and all before it with that', () => {
    const group = groupLedBy1();
    group.isLost = ({ type, from, to }) => type === 'MsgAppResp' && from !== to;
    group.propose(1, 'a');
    expect(group.node(1).basicStatus().commit).to.equal(1);
    group.heal();
    group.elect(2);
    expect(group.node(2).basicStatus()).to.include({ term: 2, commit: 3 });
    expect(group.member(2).applied).to.deep.equal(['a']);
  });
});

describe('thesis 6.4, reads', () => {
  it('are answered at the commit index, once a quorum has confirmed the leader', () => {
    const group = groupLedBy1();
    group.propose(1, 'a');
    group.isLost = ({ type }) => type === 'MsgHeartbeatResp';
    group.node(1).readIndex(bytes('r'));
    group.settle();
    expect(group.member(1).reads).to.deep.equal([]);
    group.heal();
    group.tick(1, 1);
    group.settle();
    expect(group.member(1).reads).to.deep.equal([{ index: 2, context: 'r' }]);
  });

  it('of a follower are answered by the leader, and many by one round', () => {
    const group = groupLedBy1();
    for (const context of ['r', 's']) group.node(2).readIndex(bytes(context));
    group.settle();
    expect(group.member(2).reads).to.deep.equal([
      { index: 1, context: 'r' },
      { index: 1, context: 's' },
    ]);
  });

  it('wait until the leader has committed an entry of its term', () => {
    const group = groupLedBy1();
    group.propose(1, 'a');
    group.isLost = ({ type, from, to }) => type === 'MsgAppResp' && from !== to;
    group.elect(2);
    group.node(2).readIndex(bytes('r'));
    group.tick(2, 1);
    group.settle();
    expect(group.member(2).reads).to.deep.equal([]);
    group.heal();
    group.tick(2, 1);
    group.settle();
    expect(group.member(2).reads.map(({ context }) => context)).to.deep.equal(['r']);
    expect(group.member(2).reads[0]?.index).to.be.at.least(3);
  });

  it('of a deposed leader are never answered', () => {
    const group = groupLedBy1();
    group.cut(1);
    group.elect(2);
    group.propose(2, 'new');
    group.node(1).readIndex(bytes('r'));
    group.tick(1, 1);
    group.settle();
    group.heal();
    group.tick(1, 1);
    group.settle();
    expect(group.member(1).reads).to.deep.equal([]);
  });

  it('an answer with a position that was never given out confirms nothing', () => {
    const group = groupLedBy1();
    group.isLost = ({ type }) => type === 'MsgHeartbeatResp';
    group.node(1).readIndex(bytes('r'));
    group.settle();
    for (const context of [new Uint8Array(8).fill(0x43), bytes('x')])
      group.node(1).step(message('MsgHeartbeatResp', 2, 1, { term: 1, context }));
    group.settle();
    expect(group.member(1).reads).to.deep.equal([]);
  });
});

describe('thesis 6.2 and 9.6, leaders without a quorum and members that come back', () => {
  it('6.2: a leader that hears of no quorum for an election timeout steps down', () => {
    const group = groupLedBy1({ checkQuorum: true });
    group.cut(1);
    group.tick(1, 20);
    expect(group.node(1).basicStatus()).to.include({ role: 'StateFollower', leader: 0, term: 1 });
  });

  it('6.2: one voter that answers is quorum enough for three', () => {
    const group = groupLedBy1({ checkQuorum: true });
    group.cut(3);
    for (let i = 0; i < 40; i++) {
      group.tick(1, 1);
      group.settle();
    }
    expect(group.node(1).basicStatus().role).to.equal('StateLeader');
  });

  it('4.2.3: votes are ignored within an election timeout of the leader, unless it asked for them', () => {
    const group = groupLedBy1({ checkQuorum: true });
    const request = { term: 5, logTerm: 5, index: 9 };
    group.node(2).step(message('MsgVote', 3, 2, request));
    expect(group.node(2).basicStatus()).to.include({ term: 1, leader: 1 });
    group.node(2).step(message('MsgVote', 3, 2, { ...request, context: bytes('transfer') }));
    expect(group.node(2).basicStatus()).to.include({ term: 5, vote: 3 });
  });

  it('9.6: a pre-vote raises no term and binds nobody', () => {
    const group = groupLedBy1({ preVote: true });
    const before = group.node(2).basicStatus();
    group.node(2).step(message('MsgPreVote', 3, 2, { term: 7, logTerm: 1, index: 1 }));
    expect(group.node(2).basicStatus()).to.deep.equal(before);
    const [answer] = group.member(2).workAll();
    expect(answer).to.include({ type: 'MsgPreVoteResp', term: 7, reject: false });
  });

  it('9.6: who was cut off comes back without a new term', () => {
    const group = groupLedBy1({ preVote: true, checkQuorum: true });
    group.cut(3);
    group.tick(3, 50);
    group.settle();
    expect(group.node(3).basicStatus()).to.include({ role: 'StatePreCandidate', term: 1 });
    group.heal();
    group.tick(1, 1);
    group.settle();
    expect(group.node(1).basicStatus()).to.include({ role: 'StateLeader', term: 1 });
    expect(group.node(3).basicStatus()).to.include({ role: 'StateFollower', leader: 1 });
  });

  it('9.6: who forgets its leader may vote at once', () => {
    const group = groupLedBy1({ preVote: true, checkQuorum: true });
    for (const id of [2, 3]) group.node(id).forgetLeader();
    group.elect(2);
    expect(group.node(2).basicStatus()).to.include({ role: 'StateLeader', term: 2 });
  });
});
