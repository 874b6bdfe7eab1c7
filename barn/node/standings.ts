import type { Standing } from './port.ts';

/** Who leads, and how often that changed. */
export class Standings {
  #now: Standing = { leader: 0, term: 0, role: 'StateFollower' };
  changes = 0;

  get now(): Standing {
    return this.#now;
  }

  /** Returns whether it is news. */
  heard(standing: Standing): boolean {
    const { leader, term, role } = this.#now;
    if (standing.leader === leader && standing.term === term && standing.role === role) return false;
    if (standing.leader !== leader && standing.leader !== 0) this.changes++;
    this.#now = standing;
    return true;
  }
}
