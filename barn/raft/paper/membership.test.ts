// Changes of the configuration: Raft, 6; thesis, 4.1 to 4.3. Transfer: thesis, 3.10.
import { expect } from 'chai';
import type { ConfChange, MemberId } from '../protocol.ts';
import { Group } from './group.ts';

const change = (transition: ConfChange['transition'], ...changes: ConfChange['changes']): ConfChange => ({
  transition,
  changes,
});
const addVoter = (id: MemberId) => ({ type: 'ConfChangeAddNode' as const, id });
const addLearner = (id: MemberId) => ({ type: 'ConfChangeAddLearnerNode' as const, id });
const removeMember = (id: MemberId) => ({ type: 'ConfChangeRemoveNode' as const, id });

function groupLedBy1(ids: readonly MemberId[]): Group {
  const group = new Group(ids);
  group.elect(1);
  return group;
}

describe('Raft 6 and thesis 4, membership changes', () => {
  it('thesis 4.1: a change takes one voter at a time; a second waits until the first is applied', () => {
    const group = groupLedBy1([1, 2, 3]);
    group.node(1).proposeConfChange(change('auto', addVoter(4)));
    group.node(1).proposeConfChange(change('auto', addVoter(5)));
    group.settle();
    expect(group.node(1).status().config.voters).to.deep.equal([1, 2, 3, 4]);
  });

  it('thesis 4.2.1: a new member is brought up as a learner, counts in no quorum, then votes', () => {
    const group = groupLedBy1([1, 2, 3]);
    group.add(4, { voters: [1, 2, 3] });
    group.propose(1, 'a');
    group.node(1).proposeConfChange(change('auto', addLearner(4)));
    group.settle();
    expect(group.member(4).applied).to.deep.equal(['a']);
    expect(group.node(1).status().progress[3]).to.include({ isLearner: true, match: 3, state: 'StateReplicate' });
    group.cut(2, 3);
    const before = group.node(1).basicStatus().commit;
    group.propose(1, 'b');
    expect(group.node(1).basicStatus().commit).to.equal(before);
    group.heal();
    group.tick(1, 1);
    group.settle();
    group.node(1).proposeConfChange(change('auto', addVoter(4)));
    group.settle();
    expect(group.node(1).status().config).to.deep.include({ voters: [1, 2, 3, 4], learners: [] });
  });

  it('a learner never begins an election, and votes when it is asked', () => {
    const group = new Group([]);
    for (const id of [1, 2, 3]) group.add(id, { voters: [1, 2], learners: [3] });
    group.tick(3, 30);
    expect(group.node(3).basicStatus()).to.include({ role: 'StateFollower', isLearner: true, term: 0 });
    group.elect(1);
    expect(group.node(3).basicStatus().leader).to.equal(1);
  });

  it('thesis 4.2.2: a leader that removes itself steps down once that is applied', () => {
    const group = groupLedBy1([1, 2, 3]);
    group.node(1).proposeConfChange(change('auto', removeMember(1)));
    group.settle();
    expect(group.node(1).basicStatus().role).to.equal('StateFollower');
    group.elect(2);
    expect(group.node(2).status()).to.deep.include({ role: 'StateLeader' });
    expect(group.node(2).status().config.voters).to.deep.equal([2, 3]);
  });

  it('thesis 4.2.3: who was removed and calls elections disturbs nobody that hears a leader', () => {
    const group = new Group([1, 2, 3], { checkQuorum: true, preVote: true });
    group.elect(1);
    group.cut(3);
    group.tick(3, 20);
    group.settle();
    group.heal();
    group.tick(3, 20);
    group.settle();
    expect(group.node(1).basicStatus()).to.include({ role: 'StateLeader', term: 1 });
  });

  it('thesis 4.3: while the configuration is joint, both majorities must agree', () => {
    const group = groupLedBy1([1, 2, 3]);
    for (const id of [4, 5]) group.add(id, { voters: [1, 2, 3] });
    group
      .node(1)
      .proposeConfChange(change('joint-explicit', addVoter(4), addVoter(5), removeMember(2), removeMember(3)));
    group.settle();
    expect(group.node(1).status().config).to.deep.include({ voters: [1, 4, 5], votersOutgoing: [1, 2, 3] });
    for (const lost of [
      [2, 3],
      [4, 5],
    ]) {
      const before = group.node(1).basicStatus().commit;
      group.cut(...lost);
      group.propose(1, 'x');
      expect(group.node(1).basicStatus().commit).to.equal(before);
      group.heal();
      group.tick(1, 1);
      group.settle();
      expect(group.node(1).basicStatus().commit).to.equal(before + 1);
    }
    group.node(1).proposeConfChange(change('auto'));
    group.settle();
    expect(group.node(1).status().config).to.deep.include({ voters: [1, 4, 5], votersOutgoing: [] });
  });

  it('thesis 4.3: a joint configuration that says so is left by itself', () => {
    const group = groupLedBy1([1, 2, 3]);
    group.node(1).proposeConfChange(change('auto', addLearner(2), removeMember(3)));
    group.settle();
    expect(group.node(1).status().config).to.deep.equal({
      voters: [1],
      learners: [2],
      votersOutgoing: [],
      learnersNext: [],
      autoLeave: false,
    });
  });

  for (const [title, wrong] of [
    ['to leave a configuration that is not joint', change('auto')],
    ['that leaves no voter', change('joint-explicit', removeMember(1), removeMember(2), removeMember(3))],
  ] as const)
    it(`a change ${title} becomes an empty entry`, () => {
      const group = groupLedBy1([1, 2, 3]);
      group.node(1).proposeConfChange(wrong);
      group.settle();
      expect(group.node(1).basicStatus().commit).to.equal(2);
      expect(group.node(1).status().config.voters).to.deep.equal([1, 2, 3]);
    });

  it('nobody campaigns with a change that it has not applied', () => {
    const group = groupLedBy1([1, 2, 3]);
    group.node(1).proposeConfChange(change('auto', addVoter(4)));
    group.settle();
    const behind = group.add(2, { voters: [1, 2, 3], log: [], term: 1 });
    const { storage } = group.member(1);
    behind.storage.append(storage.entries(1, storage.lastIndex() + 1, Number.POSITIVE_INFINITY));
    behind.storage.setHardState({ term: 1, vote: 0, commit: storage.lastIndex() });
    behind.restart();
    behind.node.campaign();
    expect(behind.node.basicStatus()).to.include({ role: 'StateFollower', term: 1 });
  });
});

describe('thesis 3.10, leadership transfer', () => {
  it('the other leads in the next term, without waiting for a timeout', () => {
    const group = new Group([1, 2, 3], { checkQuorum: true, preVote: true });
    group.elect(1);
    group.node(1).transferLeader(3);
    group.settle();
    expect(group.node(3).basicStatus()).to.include({ role: 'StateLeader', term: 2 });
    expect(group.delivered.some(({ type, term }) => type === 'MsgPreVote' && term === 2)).to.equal(false);
  });

  it('a follower passes the wish on', () => {
    const group = groupLedBy1([1, 2, 3]);
    group.node(2).transferLeader(2);
    group.settle();
    expect(group.node(2).basicStatus().role).to.equal('StateLeader');
  });

  it('first the other catches up; meanwhile no proposal is taken', () => {
    const group = groupLedBy1([1, 2, 3]);
    group.cut(3);
    group.propose(1, 'a');
    group.node(1).transferLeader(3);
    expect(group.node(1).propose(new Uint8Array(1))).to.equal('ProposalDropped');
    expect(group.node(1).basicStatus().transferee).to.equal(3);
    group.heal();
    group.tick(1, 1);
    group.settle();
    expect(group.node(3).basicStatus().role).to.equal('StateLeader');
    expect(group.member(3).applied).to.deep.equal(['a']);
  });

  it('what does not succeed within an election timeout is given up', () => {
    const group = groupLedBy1([1, 2, 3]);
    group.cut(3);
    group.propose(1, 'a');
    group.node(1).transferLeader(3);
    group.tick(1, 10);
    expect(group.node(1).basicStatus()).to.include({ role: 'StateLeader', transferee: 0 });
    expect(group.node(1).propose(new Uint8Array(1))).to.equal(undefined);
  });

  for (const to of [1, 9])
    it(`to ${to === 1 ? 'itself' : 'a stranger'}: nothing happens`, () => {
      const group = groupLedBy1([1, 2, 3]);
      group.node(1).transferLeader(to);
      group.settle();
      expect(group.node(1).basicStatus()).to.include({ role: 'StateLeader', transferee: 0 });
    });
});
