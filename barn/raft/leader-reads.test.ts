import { expect } from 'chai';
import { bytes, logOf, TestMember } from './paper/group.ts';

describe('Reads of a member alone', () => {
  it('wait for an entry of its term: the commit index on its disk may be older than what it answered', () => {
    const options = { checkQuorum: true, preVote: true };
    const member = new TestMember(1, { voters: [1], log: logOf(1, 2), vote: 1, commit: 1, options });
    member.node.campaign();
    while (member.node.hasReady() && member.node.basicStatus().role !== 'StateLeader') member.work();
    member.node.readIndex(bytes('read'));
    member.workAll();
    expect(member.reads).to.deep.equal([{ index: 3, context: 'read' }]);
  });
});
