import type { MemberId } from '../raft/protocol.ts';
import type { Standing } from './port.ts';

/** What the state side knows of who leads, and since when nobody does. */
export class Leadership {
  readonly #leaderlessMs: number;
  #standing: Standing = { leader: 0, term: 0, role: 'StateFollower' };
  #leaderlessSinceMs: number | undefined;
  #hasGivenUp = false;
  #waiting: { readonly wanted: (leader: MemberId) => boolean; readonly done: () => void }[] = [];

  /** `nowMs` is when the wait for a first leader begins. */
  constructor(leaderlessMs: number, nowMs: number) {
    this.#leaderlessMs = leaderlessMs;
    this.#leaderlessSinceMs = nowMs;
  }

  get standing(): Standing {
    return this.#standing;
  }

  /** Whether there was no leader for `leaderlessMs`. */
  get hasGivenUp(): boolean {
    return this.#hasGivenUp;
  }

  heard(standing: Standing, nowMs: number): void {
    const before = this.#standing.leader;
    this.#standing = standing;
    if (standing.leader === before) return;
    if (standing.leader !== 0) {
      this.#leaderlessSinceMs = undefined;
      this.#hasGivenUp = false;
    } else {
      this.#leaderlessSinceMs ??= nowMs;
    }
    const done = this.#waiting.filter(({ wanted }) => wanted(standing.leader));
    this.#waiting = this.#waiting.filter((waiter) => !done.includes(waiter));
    for (const waiter of done) waiter.done();
  }

  /** Looks at the time; true once when the member has just given up. */
  hasJustGivenUp(nowMs: number): boolean {
    if (this.#hasGivenUp || this.#leaderlessSinceMs === undefined) return false;
    if (nowMs - this.#leaderlessSinceMs < this.#leaderlessMs) return false;
    this.#hasGivenUp = true;
    return true;
  }

  /** Calls `done` once a leader as wanted is known; at once when it is. Returns how to stop waiting. */
  when(wanted: (leader: MemberId) => boolean, done: () => void): () => void {
    if (wanted(this.#standing.leader)) {
      done();
      return () => {};
    }
    const waiter = { wanted, done };
    this.#waiting.push(waiter);
    return () => {
      this.#waiting = this.#waiting.filter((other) => other !== waiter);
    };
  }
}
