import { expect } from 'chai';
import { Standings } from './standings.ts';

const follower = { leader: 2, term: 1, role: 'StateFollower' } as const;

describe('who leads, as a member knows it', () => {
  it('is nobody once a leader was silent for too long, and the same one when it speaks again', () => {
    const standings = new Standings(3);
    standings.heard(follower);
    for (let ticks = 0; ticks < 3; ticks++) standings.tick();
    expect(standings.heard(follower)).to.equal(false);
    standings.tick();
    standings.word(3, 2);
    expect([standings.heard(follower), standings.now.leader]).to.deep.equal([true, 0]);
    standings.word(2, 2);
    expect([standings.heard(follower), standings.now.leader, standings.changes]).to.deep.equal([true, 2, 2]);
  });

  it('is itself for a leader, whom nobody tells of it', () => {
    const standings = new Standings(3);
    for (let ticks = 0; ticks < 9; ticks++) standings.tick();
    standings.heard({ leader: 1, term: 1, role: 'StateLeader' });
    expect(standings.now.leader).to.equal(1);
  });
});
