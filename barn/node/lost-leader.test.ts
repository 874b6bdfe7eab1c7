import { expect } from 'chai';
import { present } from '../../base/index.ts';
import { BarnError } from '../barn.ts';
import { put } from '../conformance/support.ts';
import { founders, type HeldMember, HeldNetwork, startHeld } from './held-group.ts';

// No election by time within this test.
const timers = { electionMs: 600_000, requestMs: 30_000 };

describe('a leader whose connections broke', function () {
  this.timeout(60_000);
  let network: HeldNetwork;
  let members: readonly HeldMember[];

  beforeEach(async () => {
    network = new HeldNetwork();
    members = await Promise.all(founders(3).map((identity) => startHeld({ network, identity, timers })));
    for (const { barn } of members) await put(barn, 'a', '1');
  });
  afterEach(async () => {
    for (const { barn } of members) await barn.close();
  });

  it('is followed by another without an election timeout, and no put that waits meanwhile is lost', async () => {
    const before = await standing(0);
    const [one, other] = others(before.leader);
    network.kill(before.leader);
    await Promise.all([one, other].map((member) => again(() => put(member.barn, `from ${member.id}`, '2'))));
    const after = present((await one.barn.status()).raft, 'its standing');
    expect(after.term).to.be.greaterThan(before.term);
    expect(after.leader).to.be.oneOf([one.id, other.id]);
    const { items } = await other.barn.range('', '\x7f');
    expect(items.map(({ key }) => key)).to.deep.equal(['a', `from ${one.id}`, `from ${other.id}`].sort());
  });

  it('leads on when only one member lost it, and that one knows it again', async () => {
    const before = await standing(0);
    const [one, other] = others(before.leader);
    for (let round = 0; round < 20; round++) {
      network.break(one.id, before.leader);
      await again(() => put(one.barn, 'a', String(round)));
      await again(() => put(other.barn, 'b', String(round)));
    }
    const { leader, term } = present((await one.barn.status()).raft, 'its standing');
    expect({ leader, term }).to.deep.equal({ leader: before.leader, term: before.term });
  });

  it('loses one learner without that one standing for election', async () => {
    const before = await standing(0);
    const leader = present(
      members.find(({ id }) => id === before.leader),
      'the leader',
    );
    await leader.barn.addLearner('m4', 'https://m4');
    const { id } = present(
      (await leader.barn.members()).find(({ name }) => name === 'm4'),
      'the learner',
    );
    const initial = (await leader.barn.members()).map(({ clientUrl: _, voter: __, ...member }) => ({
      ...member,
      format: 0,
    }));
    const learner = await startHeld({
      network,
      timers,
      identity: { id, name: 'm4', initial, state: 'existing', clusterId: 7 },
    });
    members = [...members, learner];
    await again(() => put(learner.barn, 'a', '2'));
    network.break(id, before.leader);
    await again(() => put(learner.barn, 'a', '3'));
    expect((await standing(0)).term).to.equal(before.term);
  });

  async function standing(at: number): Promise<{ readonly leader: number; readonly term: number }> {
    return present((await present(members[at], 'a member').barn.status()).raft, 'its standing');
  }

  function others(leader: number): readonly [HeldMember, HeldMember] {
    const [one, other] = members.filter(({ id }) => id !== leader);
    return [present(one, 'one'), present(other, 'another')];
  }

  /** What was handed to the leader that is gone has no known outcome. */
  async function again<T>(ask: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await ask();
      } catch (error) {
        if (!(error instanceof BarnError) || !['NoLeader', 'Unknown'].includes(error.reason)) throw error;
      }
    }
  }
});
