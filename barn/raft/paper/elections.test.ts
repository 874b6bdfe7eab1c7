// Terms and elections: Raft, 5.1 and 5.2.
import { expect } from 'chai';
import type { MessageType } from '../protocol.ts';
import { bytes, Group, message, TestMember } from './group.ts';

const three = { voters: [1, 2, 3] };

/** A member in the role, at term 1. */
function memberIn(role: 'follower' | 'candidate' | 'leader'): TestMember {
  const member = new TestMember(1, { ...three, term: role === 'follower' ? 1 : 0 });
  if (role !== 'follower') member.node.campaign();
  member.workAll();
  if (role === 'leader') member.node.step(message('MsgVoteResp', 2, 1, { term: 1 }));
  member.workAll();
  return member;
}

describe('Raft 5.1, terms', () => {
  for (const role of ['follower', 'candidate', 'leader'] as const)
    it(`a ${role} that hears of a later term takes it over and follows`, () => {
      const member = memberIn(role);
      member.node.step(message('MsgApp', 2, 1, { term: 2 }));
      expect(member.node.basicStatus()).to.include({ role: 'StateFollower', term: 2, leader: 2, vote: 0 });
    });

  for (const type of ['MsgApp', 'MsgVote', 'MsgHeartbeat', 'MsgAppResp'] as const)
    it(`a ${type} of an earlier term changes nothing`, () => {
      const member = new TestMember(1, { ...three, term: 3 });
      const before = member.node.basicStatus();
      member.node.step(message(type, 2, 1, { term: 2, index: 7, commit: 7 }));
      expect(member.node.basicStatus()).to.deep.equal(before);
    });

  it('term and vote are on disk before anything depends on them', () => {
    const member = new TestMember(1, three);
    member.node.step(message('MsgVote', 2, 1, { term: 1 }));
    const ready = member.node.ready();
    expect(ready.hardState).to.deep.equal({ term: 1, vote: 2, commit: 0 });
    expect(ready.mustSync).to.equal(true);
  });

  it('with asynchronous writes the answer to a vote leaves only with the write', () => {
    const member = new TestMember(1, { ...three, options: { asyncStorageWrites: true } });
    member.node.step(message('MsgVote', 2, 1, { term: 1 }));
    const { messages } = member.node.ready();
    expect(messages.map(({ type }) => type)).to.deep.equal(['MsgStorageAppend']);
    expect(messages[0]?.responses?.map(({ type, to }) => `${type} ${to}`)).to.deep.equal(['MsgVoteResp 2']);
  });
});

describe('Raft 5.2, leader election', () => {
  it('members begin as followers', () => {
    expect(new TestMember(1, three).node.basicStatus()).to.include({ role: 'StateFollower', leader: 0 });
  });

  it('a leader sends heartbeats to all, every interval', () => {
    const member = memberIn('leader');
    member.node.tick();
    const said = member.workAll().map(({ type, to }) => `${type} ${to}`);
    expect(said).to.deep.equal(['MsgHeartbeat 2', 'MsgHeartbeat 3']);
  });

  it('who hears nothing for an election timeout becomes candidate of a new term and votes for itself', () => {
    const member = new TestMember(1, { ...three, term: 1 });
    for (let i = 0; i < 9; i++) member.node.tick();
    expect(member.node.basicStatus().role).to.equal('StateFollower');
    member.node.tick();
    expect(member.node.basicStatus()).to.include({ role: 'StateCandidate', term: 2, vote: 1 });
    expect(member.workAll().map(({ type, to }) => `${type} ${to}`)).to.deep.equal(['MsgVote 2', 'MsgVote 3']);
  });

  it('a heartbeat begins the timeout anew', () => {
    const member = new TestMember(1, { ...three, term: 1 });
    for (let i = 0; i < 9; i++) member.node.tick();
    member.node.step(message('MsgHeartbeat', 2, 1, { term: 1 }));
    member.node.tick();
    expect(member.node.basicStatus().role).to.equal('StateFollower');
  });

  for (const { size, grants, rejects, role } of [
    { size: 1, grants: [], rejects: [], role: 'StateLeader' },
    { size: 3, grants: [2], rejects: [], role: 'StateLeader' },
    { size: 3, grants: [], rejects: [2, 3], role: 'StateFollower' },
    { size: 3, grants: [], rejects: [2], role: 'StateCandidate' },
    { size: 5, grants: [2], rejects: [3, 4], role: 'StateCandidate' },
    { size: 5, grants: [2, 3], rejects: [4, 5], role: 'StateLeader' },
    { size: 5, grants: [2, 2], rejects: [], role: 'StateCandidate' },
  ])
    it(`of ${size} with votes of ${grants} and rejections of ${rejects}: ${role}`, () => {
      const member = new TestMember(1, { voters: Array.from({ length: size }, (_, i) => i + 1) });
      member.node.campaign();
      member.workAll();
      for (const from of grants) member.node.step(message('MsgVoteResp', from, 1, { term: 1 }));
      for (const from of rejects) member.node.step(message('MsgVoteResp', from, 1, { term: 1, reject: true }));
      expect(member.node.basicStatus().role).to.equal(role);
    });

  for (const { vote, from, granted } of [
    { vote: 0, from: 2, granted: true },
    { vote: 2, from: 2, granted: true },
    { vote: 3, from: 2, granted: false },
  ])
    it(`having voted for ${vote}, a request of ${from} is ${granted ? 'granted' : 'rejected'}`, () => {
      const member = new TestMember(1, { ...three, term: 1, vote });
      member.node.step(message('MsgVote', from, 1, { term: 1 }));
      expect(member.workAll().map(({ reject }) => reject)).to.deep.equal([!granted]);
    });

  it('a vote survives a restart', () => {
    const member = new TestMember(1, three);
    member.node.step(message('MsgVote', 2, 1, { term: 1 }));
    member.workAll();
    member.restart();
    member.node.step(message('MsgVote', 3, 1, { term: 1 }));
    expect(member.workAll().map(({ reject }) => reject)).to.deep.equal([true]);
  });

  for (const type of ['MsgApp', 'MsgHeartbeat'] satisfies readonly MessageType[])
    it(`a candidate that gets a ${type} of its term follows its sender`, () => {
      const member = memberIn('candidate');
      member.node.step(message(type, 2, 1, { term: 1 }));
      expect(member.node.basicStatus()).to.include({ role: 'StateFollower', term: 1, leader: 2 });
    });

  it('a candidate that hears nothing begins again in a new term', () => {
    const member = memberIn('candidate');
    for (let i = 0; i < 10; i++) member.node.tick();
    expect(member.node.basicStatus()).to.include({ role: 'StateCandidate', term: 2 });
  });

  it('timeouts are spread over a whole election timeout', () => {
    for (const chance of [0, 4, 9]) {
      const member = new TestMember(1, { ...three, options: { random: () => chance } });
      for (let i = 0; i < 9 + chance; i++) member.node.tick();
      expect(member.node.basicStatus().role).to.equal('StateFollower');
      member.node.tick();
      expect(member.node.basicStatus().role).to.equal('StateCandidate');
    }
  });

  it('there is one leader a term, also after votes were split', () => {
    const group = new Group([1, 2, 3]);
    group.node(1).campaign();
    group.node(2).campaign();
    group.settle();
    const leaders = [1, 2, 3].filter((id) => group.node(id).basicStatus().role === 'StateLeader');
    expect(leaders).to.deep.equal([1]);
  });

  it('two leaders of one term end a member, since data would be lost', () => {
    const member = new TestMember(1, three);
    member.node.step(message('MsgHeartbeat', 2, 1, { term: 1 }));
    expect(() => member.node.step(message('MsgHeartbeat', 3, 1, { term: 1 }))).to.throw('both lead term 1');
  });

  it('proposals without a leader are dropped', () => {
    expect(new TestMember(1, three).node.propose(bytes('a'))).to.equal('ProposalDropped');
  });
});
