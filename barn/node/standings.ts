import type { MemberId } from '../raft/protocol.ts';
import type { Standing } from './port.ts';

/**
 * Who leads, and how often that changed. A voter that hears nothing of its leader stands for election, and so knows that it has
 * none. A learner does not, nor does one who was removed and was not told: so long silence of a leader is none here.
 */
export class Standings {
  readonly #silentTicksMax: number;
  #now: Standing = { leader: 0, term: 0, role: 'StateFollower' };
  #silentTicks = 0;
  changes = 0;

  /** More ticks than any voter waits before it stands for election. */
  constructor(silentTicksMax: number) {
    this.#silentTicksMax = silentTicksMax;
  }

  get now(): Standing {
    return this.#now;
  }

  /** Time went by. */
  tick(): void {
    this.#silentTicks++;
  }

  /** `leader`, as the core knows it, has said something. */
  word(from: MemberId, leader: MemberId): void {
    if (from === leader) this.#silentTicks = 0;
  }

  /** Returns whether it is news. */
  heard(standing: Standing): boolean {
    const { leader, term, role } = this.#now;
    const isSilent = standing.role === 'StateFollower' && this.#silentTicks > this.#silentTicksMax;
    const next = isSilent ? { ...standing, leader: 0 } : standing;
    if (next.leader === leader && next.term === term && next.role === role) return false;
    if (next.leader !== leader && next.leader !== 0) this.changes++;
    this.#now = next;
    return true;
  }
}
