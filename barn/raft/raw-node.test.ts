import { expect } from 'chai';
import { bytes, Group } from './paper/group.ts';

const ids = [1, 2, 3];

for (const asyncStorageWrites of [false, true])
  describe(`three members with ${asyncStorageWrites ? 'asynchronous' : 'synchronous'} storage writes`, () => {
    const group = new Group(ids, { asyncStorageWrites, checkQuorum: true, preVote: true });
    before(() => group.elect(1));

    it('elect one leader', () => {
      const roles = ids.map((id) => group.node(id).basicStatus().role);
      expect(roles).to.deep.equal(['StateLeader', 'StateFollower', 'StateFollower']);
      expect(group.node(3).basicStatus()).to.include({ term: 1, leader: 1, commit: 1 });
    });

    it('apply what was proposed, at any of them, everywhere and in one order', () => {
      expect(group.node(1).propose([bytes('a'), bytes('b')])).to.equal(undefined);
      expect(group.node(2).propose(bytes('c'))).to.equal(undefined);
      group.settle();
      for (const id of ids) expect(group.member(id).applied).to.deep.equal(['a', 'b', 'c']);
    });

    it('answer reads at the commit index, at any of them', () => {
      for (const id of ids) {
        group.node(id).readIndex(bytes(`read ${id}`));
        group.settle();
        expect(group.member(id).reads).to.deep.equal([{ index: 4, context: `read ${id}` }]);
      }
    });

    it('hand leadership over', () => {
      group.node(1).transferLeader(2);
      group.settle();
      expect(group.node(2).basicStatus()).to.include({ role: 'StateLeader', term: 2 });
      expect(group.node(1).basicStatus()).to.include({ role: 'StateFollower', leader: 2 });
    });
  });
