// What keeps committed entries: Raft, 5.4; and what no message may do.
import { expect } from 'chai';
import { bytes, Group, logOf, message, TestMember } from './group.ts';

const three = { voters: [1, 2, 3] };

describe('Raft 5.4.1, election restriction', () => {
  for (const { own, lastTerm, lastIndex, isGranted } of [
    { own: [1], lastTerm: 1, lastIndex: 1, isGranted: true },
    { own: [1], lastTerm: 1, lastIndex: 2, isGranted: true },
    { own: [1, 1], lastTerm: 1, lastIndex: 1, isGranted: false },
    { own: [1], lastTerm: 2, lastIndex: 1, isGranted: true },
    { own: [1, 1], lastTerm: 2, lastIndex: 1, isGranted: true },
    { own: [2], lastTerm: 1, lastIndex: 2, isGranted: false },
  ])
    it(`with terms ${own}, a candidate that ends at (${lastTerm}, ${lastIndex}) gets ${isGranted ? 'the' : 'no'} vote`, () => {
      const member = new TestMember(1, { ...three, log: logOf(...own) });
      member.node.step(message('MsgVote', 2, 1, { term: 3, logTerm: lastTerm, index: lastIndex }));
      expect(member.workAll().map(({ reject }) => reject)).to.deep.equal([!isGranted]);
    });

  it('who lacks a committed entry cannot lead', () => {
    const group = new Group([1, 2, 3]);
    group.elect(1);
    group.cut(3);
    group.propose(1, 'a');
    group.heal();
    group.cut(1);
    group.elect(3);
    expect(group.node(3).basicStatus().role).to.not.equal('StateLeader');
    group.elect(2);
    expect(group.node(2).basicStatus().role).to.equal('StateLeader');
    expect(group.member(3).applied).to.deep.equal(['a']);
  });
});

describe('Raft 5.4.2, entries of earlier terms', () => {
  for (const { index, commit } of [
    { index: 1, commit: 0 },
    { index: 2, commit: 0 },
    { index: 3, commit: 3 },
  ])
    it(`a leader of term 3 with a log of terms 1, 2 commits up to ${commit} when ${index} is on a quorum`, () => {
      const member = new TestMember(1, { ...three, log: logOf(1, 2), term: 2 });
      member.node.campaign();
      member.workAll();
      member.node.step(message('MsgVoteResp', 2, 1, { term: 3 }));
      member.workAll();
      member.node.step(message('MsgAppResp', 2, 1, { term: 3, index }));
      expect(member.node.basicStatus().commit).to.equal(commit);
    });
});

describe('messages that no correct member sends', () => {
  const entry = (term: number, index: number) => ({ term, index, type: 'EntryNormal' as const, data: bytes('x') });
  const log = logOf(1, 1);
  for (const [title, wrong, reason] of [
    [
      'a hole between entries',
      message('MsgApp', 2, 1, { term: 2, logTerm: 1, index: 2, entries: [entry(2, 4)] }),
      'Malformed',
    ],
    [
      'terms that fall',
      message('MsgApp', 2, 1, { term: 2, logTerm: 1, index: 2, entries: [entry(2, 3), entry(1, 4)] }),
      'Malformed',
    ],
    [
      'an entry of a later term',
      message('MsgApp', 2, 1, { term: 2, logTerm: 1, index: 2, entries: [entry(3, 3)] }),
      'Malformed',
    ],
    [
      'an append without a term',
      message('MsgApp', 2, 1, { logTerm: 1, index: 2, entries: [entry(1, 3)] }),
      'Malformed',
    ],
    ['an append of its own', message('MsgApp', 1, 1, { term: 2, logTerm: 1, index: 2 }), 'Malformed'],
    ['a message for another member', message('MsgApp', 2, 3, { term: 2, logTerm: 1, index: 2 }), 'Malformed'],
    ['a term that is no whole number', message('MsgVote', 2, 1, { term: 2.5 }), 'Malformed'],
    ['a negative index', message('MsgHeartbeat', 2, 1, { term: 2, commit: -1 }), 'Malformed'],
    ['a snapshot without one', message('MsgSnap', 2, 1, { term: 2 }), 'Malformed'],
    ['a proposal of nothing', message('MsgProp', 2, 1, {}), 'Malformed'],
    ['an answer of a stranger', message('MsgVoteResp', 9, 1, { term: 1 }), 'StepPeerNotFound'],
    ['the order to begin an election', message('MsgHup', 2, 1, {}), 'StepLocalMsg'],
    [
      'the news that its disk has written',
      message('MsgStorageAppendResp', 2, 1, { term: 1, index: 2, logTerm: 1 }),
      'StepLocalMsg',
    ],
  ] as const)
    it(`${title}: refused, and nothing is changed`, () => {
      const member = new TestMember(1, { ...three, log });
      const before = member.node.basicStatus();
      expect(member.node.step(wrong)).to.equal(reason);
      expect(member.node.basicStatus()).to.deep.equal(before);
      expect(member.node.hasReady()).to.equal(false);
    });

  it('an acknowledgement beyond the log: refused by the leader', () => {
    const group = new Group([1, 2, 3]);
    group.elect(1);
    expect(group.node(1).step(message('MsgAppResp', 2, 1, { term: 1, index: 99 }))).to.equal('Malformed');
    expect(group.node(1).status().progress[1]?.match).to.equal(1);
  });

  it('a change of the configuration that cannot be read: refused by the leader', () => {
    const group = new Group([1, 2, 3]);
    group.elect(1);
    const entries = [{ term: 0, index: 0, type: 'EntryConfChangeV2' as const, data: bytes('nonsense') }];
    expect(group.node(1).step(message('MsgProp', 2, 1, { entries }))).to.equal('Malformed');
  });

  it('a commit index beyond the log ends the member: its log lost entries', () => {
    const member = new TestMember(1, { ...three, log });
    expect(() => member.node.step(message('MsgHeartbeat', 2, 1, { term: 2, commit: 3 }))).to.throw('lost entries');
  });
});
