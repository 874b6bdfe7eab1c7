import type { Clock } from '../../base/index.ts';

/** Status writes of one run within a second (ARCHITECTURE §2). */
export const writesPerSecondMax = 4;

/** Says when the next write of a run's status may go; one per process, as only the leader writes. */
export class StatusWrites {
  readonly #clock: Clock;
  /** Times of the last writes by run uid, oldest first, at most writesPerSecondMax each. */
  readonly #times = new Map<string, number[]>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Milliseconds to wait before the next write of `uid`; 0 now. */
  waitMs(uid: string): number {
    const times = this.#times.get(uid) ?? [];
    const oldest = times.length < writesPerSecondMax ? undefined : times[0];
    return oldest === undefined ? 0 : Math.max(0, oldest + 1000 - this.#clock.monotonicMs());
  }

  /** A write of `uid` went out. */
  note(uid: string): void {
    this.#times.set(uid, [...(this.#times.get(uid) ?? []), this.#clock.monotonicMs()].slice(-writesPerSecondMax));
  }

  /** The run is gone or finished. */
  forget(uid: string): void {
    this.#times.delete(uid);
  }
}
