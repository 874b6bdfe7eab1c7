// How much is on its way to a follower: inflights and progress.
import { expect } from 'chai';
import { Inflights } from './inflights.ts';
import { bytes, Group, message } from './paper/group.ts';
import { Progress } from './progress.ts';

const progress = (): Progress => new Progress(2, 6, false, new Inflights(2, 100));

describe('the window of appends on their way', () => {
  it('is full by count, and empties in order, round and round', () => {
    const window = new Inflights(3, Number.POSITIVE_INFINITY);
    for (let round = 0; round < 5; round++) {
      for (let i = 1; i <= 3; i++) window.add(round * 3 + i, 1);
      expect([window.count, window.isFull]).to.deep.equal([3, true]);
      expect(() => window.add(99, 1)).to.throw('full window');
      window.freeUpTo(round * 3);
      expect(window.count).to.equal(3);
      window.freeUpTo(round * 3 + 2);
      expect([window.count, window.isFull]).to.deep.equal([1, false]);
      window.freeUpTo(round * 3 + 3);
      expect(window.count).to.equal(0);
    }
  });

  it('keeps its order when it grows after a start in the middle', () => {
    const window = new Inflights(8, Number.POSITIVE_INFINITY);
    for (const index of [1, 2]) window.add(index, 1);
    window.freeUpTo(1);
    for (const index of [3, 4, 5, 6]) window.add(index, 1);
    window.freeUpTo(4);
    expect(window.count).to.equal(2);
  });

  it('is full by bytes, which one message may cross', () => {
    const window = new Inflights(10, 100);
    window.add(1, 99);
    expect(window.isFull).to.equal(false);
    window.add(2, 500);
    expect(window.isFull).to.equal(true);
    window.freeUpTo(2);
    expect(window.isFull).to.equal(false);
  });
});

describe('the progress of a follower', () => {
  it('probes with one message, until something is heard', () => {
    const one = progress();
    one.sent(1, 10);
    expect([one.isPaused, one.next]).to.deep.equal([true, 6]);
    one.update(5);
    expect([one.isPaused, one.next, one.match]).to.deep.equal([false, 6, 5]);
  });

  it('replicates ahead of the answers until the window is full', () => {
    const one = progress();
    one.becomeReplicate();
    one.sent(5, 10);
    expect([one.next, one.isPaused]).to.deep.equal([6, false]);
    one.sent(2, 10);
    expect([one.next, one.isPaused]).to.deep.equal([8, true]);
  });

  it('keeps match below next, whatever is acknowledged', () => {
    const one = progress();
    one.update(9);
    expect([one.match, one.next]).to.deep.equal([9, 10]);
    expect(one.update(8)).to.equal(false);
  });

  it('waits for its snapshot, then probes after it; after a failed one where it was', () => {
    for (const [pending, next] of [
      [20, 21],
      [0, 1],
    ] as const) {
      const one = progress();
      one.becomeSnapshot(20);
      expect([one.isPaused, one.next]).to.deep.equal([true, 21]);
      one.pendingSnapshot = pending;
      one.becomeProbe();
      expect([one.isPaused, one.next, one.pendingSnapshot]).to.deep.equal([false, next, 0]);
    }
  });

  for (const { replicates, match, next, rejected, hint, isNews, after } of [
    { replicates: true, match: 5, next: 9, rejected: 5, hint: 5, isNews: false, after: 9 },
    { replicates: true, match: 5, next: 9, rejected: 8, hint: 2, isNews: true, after: 6 },
    { replicates: false, match: 0, next: 9, rejected: 7, hint: 2, isNews: false, after: 9 },
    { replicates: false, match: 0, next: 9, rejected: 8, hint: 2, isNews: true, after: 3 },
    { replicates: false, match: 0, next: 9, rejected: 8, hint: 99, isNews: true, after: 8 },
    { replicates: false, match: 5, next: 9, rejected: 8, hint: 2, isNews: true, after: 6 },
  ])
    it(`rejected at ${rejected} with the hint ${hint} it goes from ${next} to ${after}`, () => {
      const one = progress();
      if (replicates) one.becomeReplicate();
      one.match = match;
      one.next = next;
      expect(one.decrease(rejected, hint)).to.equal(isNews);
      expect(one.next).to.equal(after);
    });
});

describe('flow control of a group', () => {
  it('sends no more messages than the window holds, and goes on when they are answered', () => {
    const group = new Group([1, 2, 3], { maxInflightMsgs: 2 });
    group.elect(1);
    group.isLost = ({ to, type }) => to === 2 && type === 'MsgApp';
    group.propose(1, 'a', 'b', 'c', 'd');
    expect(group.node(1).status().progress[1]).to.include({ inflight: 2, isPaused: true });
    expect(group.member(3).applied).to.deep.equal(['a', 'b', 'c', 'd']);
    group.heal();
    for (let i = 0; i < 3; i++) {
      group.tick(1, 1);
      group.settle();
    }
    expect(group.member(2).applied).to.deep.equal(['a', 'b', 'c', 'd']);
  });

  it('splits what is larger than a message', () => {
    const group = new Group([1, 2, 3], { maxSizePerMsg: 34 });
    group.elect(1);
    group.cut(2);
    group.node(1).propose(['a', 'b', 'c', 'd', 'e'].map(bytes));
    group.settle();
    group.heal();
    group.tick(1, 1);
    group.settle();
    const sizes = group.delivered
      .filter(({ type, to }) => type === 'MsgApp' && to === 2)
      .map((one) => one.entries.length);
    expect(Math.max(...sizes)).to.equal(2);
    expect(group.member(2).applied).to.deep.equal(['a', 'b', 'c', 'd', 'e']);
  });

  it('drops proposals when too much is uncommitted, and takes them again after', () => {
    const group = new Group([1, 2, 3], { maxUncommittedEntriesSize: 10 });
    group.elect(1);
    group.cut(2, 3);
    expect(group.node(1).propose(bytes('12345678'))).to.equal(undefined);
    expect(group.node(1).propose(bytes('123'))).to.equal('ProposalDropped');
    group.settle();
    group.heal();
    group.tick(1, 1);
    group.settle();
    expect(group.node(1).propose(bytes('123'))).to.equal(undefined);
  });

  it('who is unreachable is probed', () => {
    const group = new Group([1, 2, 3]);
    group.elect(1);
    group.node(1).reportUnreachable(2);
    group.node(1).reportUnreachable(9);
    expect(
      group
        .node(1)
        .status()
        .progress.map(({ state }) => state),
    ).to.deep.equal(['StateReplicate', 'StateProbe', 'StateReplicate']);
    group.tick(1, 1);
    group.settle();
    expect(group.node(1).status().progress[1]?.state).to.equal('StateReplicate');
  });

  it('a new leader takes no change before the entries that it found are applied', () => {
    const group = new Group([1, 2, 3]);
    group.elect(1);
    group.isLost = ({ type, from, to }) => type === 'MsgAppResp' && from !== to;
    group.propose(1, 'a');
    group.elect(2);
    group.node(2).proposeConfChange({ transition: 'auto', changes: [{ type: 'ConfChangeRemoveNode', id: 3 }] });
    group.heal();
    group.tick(2, 1);
    group.settle();
    expect(group.node(2).status().config.voters).to.deep.equal([1, 2, 3]);
  });

  it('a read position beyond what was given out does not come back to confirm later reads', () => {
    const group = new Group([1, 2, 3]);
    group.elect(1);
    group.isLost = ({ type }) => type === 'MsgHeartbeatResp';
    group.node(1).readIndex(bytes('r'));
    const context = new Uint8Array(8);
    new DataView(context.buffer).setFloat64(0, 2);
    group.node(1).step(message('MsgHeartbeatResp', 2, 1, { term: 1, context }));
    group.node(1).readIndex(bytes('s'));
    group.settle();
    expect(group.member(1).reads).to.deep.equal([]);
  });
});
