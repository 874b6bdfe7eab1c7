// The log and its replication: Raft, 5.3.
import { expect } from 'chai';
import { bytes, Group, logOf, message, TestMember } from './group.ts';

const three = { voters: [1, 2, 3] };

function leader(options = {}): TestMember {
  const member = new TestMember(1, { ...three, options });
  member.node.campaign();
  member.workAll();
  member.node.step(message('MsgVoteResp', 2, 1, { term: 1 }));
  member.workAll();
  for (const from of [2, 3]) member.node.step(message('MsgAppResp', from, 1, { term: 1, index: 1 }));
  member.workAll();
  return member;
}

describe('Raft 5.3, log replication', () => {
  it('a leader appends a proposal and sends it to all at once', () => {
    const member = leader();
    member.node.propose(bytes('a'));
    const { entries, messages } = member.node.ready();
    expect(entries.map(({ term, index }) => [term, index])).to.deep.equal([[1, 2]]);
    const sent = messages.map(({ type, to, logTerm, index }) => ({ type, to, logTerm, index }));
    expect(sent).to.deep.equal([
      { type: 'MsgApp', to: 2, logTerm: 1, index: 1 },
      { type: 'MsgApp', to: 3, logTerm: 1, index: 1 },
    ]);
  });

  it('several proposals at once go in one message', () => {
    const member = leader();
    member.node.propose([bytes('a'), bytes('b')]);
    expect(member.node.ready().messages.map(({ entries }) => entries.length)).to.deep.equal([2, 2]);
  });

  for (const { size, acks, isCommitted } of [
    { size: 1, acks: [], isCommitted: true },
    { size: 3, acks: [], isCommitted: false },
    { size: 3, acks: [2], isCommitted: true },
    { size: 5, acks: [2], isCommitted: false },
    { size: 5, acks: [2, 4], isCommitted: true },
  ])
    it(`of ${size}, an entry acknowledged by the leader and ${acks} is ${isCommitted ? '' : 'not '}committed`, () => {
      const ids = Array.from({ length: size }, (_, i) => i + 1);
      const group = new Group(ids);
      group.elect(1);
      const before = group.node(1).basicStatus().commit;
      group.isLost = ({ from, to, type }) => type === 'MsgAppResp' && to === 1 && from !== 1 && !acks.includes(from);
      group.propose(1, 'a');
      expect(group.node(1).basicStatus().commit).to.equal(isCommitted ? before + 1 : before);
    });

  it('the leader counts itself only when its own disk has the entry', () => {
    const member = new TestMember(1, { ...three, options: { asyncStorageWrites: true } });
    member.node.campaign();
    member.workAll();
    member.node.step(message('MsgVoteResp', 2, 1, { term: 1 }));
    const { messages } = member.node.ready();
    member.node.step(message('MsgAppResp', 2, 1, { term: 1, index: 1 }));
    expect(member.node.basicStatus().commit).to.equal(0);
    for (const one of messages.find(({ type }) => type === 'MsgStorageAppend')?.responses ?? []) member.node.step(one);
    expect(member.node.basicStatus().commit).to.equal(1);
  });

  it('followers learn the commit index with the next message', () => {
    const group = new Group([1, 2, 3]);
    group.elect(1);
    group.propose(1, 'a', 'b');
    for (const id of [1, 2, 3]) expect(group.member(id).applied).to.deep.equal(['a', 'b']);
  });

  for (const { prevTerm, prevIndex, isRejected } of [
    { prevTerm: 0, prevIndex: 0, isRejected: false },
    { prevTerm: 1, prevIndex: 1, isRejected: false },
    { prevTerm: 2, prevIndex: 2, isRejected: false },
    { prevTerm: 1, prevIndex: 2, isRejected: true },
    { prevTerm: 3, prevIndex: 3, isRejected: true },
  ])
    it(`a follower with terms 1, 2 ${isRejected ? 'rejects' : 'accepts'} entries after (${prevTerm}, ${prevIndex})`, () => {
      const member = new TestMember(1, { ...three, log: logOf(1, 2) });
      member.node.step(message('MsgApp', 2, 1, { term: 3, logTerm: prevTerm, index: prevIndex }));
      const [answer] = member.workAll();
      expect(answer?.reject).to.equal(isRejected);
      expect(answer?.index).to.equal(prevIndex);
    });

  for (const { title, index, logTerm, sent, after } of [
    { title: 'appends', index: 2, logTerm: 2, sent: [3], after: [1, 2, 3] },
    { title: 'keeps what it has', index: 0, logTerm: 0, sent: [1, 2], after: [1, 2] },
    { title: 'keeps what it has when less is sent', index: 0, logTerm: 0, sent: [1], after: [1, 2] },
    { title: 'replaces what conflicts', index: 0, logTerm: 0, sent: [3], after: [3] },
    { title: 'replaces from the conflict on', index: 1, logTerm: 1, sent: [3, 3], after: [1, 3, 3] },
  ])
    it(`a follower with terms 1, 2 that is sent ${sent} after ${index} ${title}`, () => {
      const member = new TestMember(1, { ...three, log: logOf(1, 2) });
      const entries = sent.map((term, i) => ({
        term,
        index: index + 1 + i,
        type: 'EntryNormal' as const,
        data: bytes(''),
      }));
      member.node.step(message('MsgApp', 2, 1, { term: 3, logTerm, index, entries }));
      member.workAll();
      expect(member.terms()).to.deep.equal(after);
    });

  it('a follower commits no further than the entries that it was sent', () => {
    const member = new TestMember(1, { ...three, log: logOf(1, 1, 1) });
    member.node.step(message('MsgApp', 2, 1, { term: 2, logTerm: 1, index: 1, commit: 3 }));
    expect(member.node.basicStatus().commit).to.equal(1);
  });

  it('committed entries are never replaced', () => {
    const member = new TestMember(1, { ...three, log: logOf(1, 1), commit: 2 });
    const entries = [{ term: 2, index: 2, type: 'EntryNormal' as const, data: bytes('x') }];
    member.node.step(message('MsgApp', 2, 1, { term: 2, logTerm: 1, index: 1, entries }));
    const [answer] = member.workAll();
    expect([answer?.index, answer?.reject]).to.deep.equal([2, false]);
    expect(member.terms()).to.deep.equal([1, 1]);
  });

  for (const [title, follower] of [
    ['shorter', [1, 1, 1, 4, 4, 5, 5, 6, 6]],
    ['much shorter', [1, 1, 1, 4]],
    ['longer', [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6]],
    ['longer, of a later term', [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7]],
    ['divergent', [1, 1, 1, 4, 4, 4, 4]],
    ['divergent for long', [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3]],
  ] as const)
    it(`the leader brings a ${title} log to its own (figure 7)`, () => {
      const leading = [1, 1, 1, 4, 4, 5, 5, 6, 6, 6];
      const group = new Group([]);
      group.add(1, { ...three, log: logOf(...leading), term: 8 });
      group.add(2, { ...three, log: logOf(...follower), term: 7 });
      group.add(3, { ...three, log: logOf(...leading), term: 8 });
      group.elect(1);
      group.propose(1, 'x');
      expect(group.member(2).terms()).to.deep.equal([...leading, 9, 9]);
    });

  it('the way back takes one message a term, not one an entry', () => {
    const group = new Group([]);
    group.add(1, { ...three, log: logOf(...Array.from({ length: 100 }, (_, i) => (i < 5 ? 1 : 3))) });
    group.add(2, { ...three, log: logOf(...Array.from({ length: 100 }, (_, i) => (i < 5 ? 1 : 2))) });
    group.add(3, { ...three, log: logOf(...Array.from({ length: 100 }, (_, i) => (i < 5 ? 1 : 3))) });
    group.elect(1);
    expect(group.delivered.filter(({ from, reject }) => from === 2 && reject).length).to.be.at.most(2);
    expect(group.member(2).terms()).to.deep.equal(group.member(1).terms());
  });
});
