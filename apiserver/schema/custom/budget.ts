/** Most pairs of a value and a schema node that one walk over one object may look at. */
export const stepsMax = 4_000_000;

/** Thrown where a walk would go on for too long; whoever began the walk makes a cause of it. */
export class TooMuchWork extends Error {
  override readonly name = 'TooMuchWork';
}

/** Counts the steps of all walks over one object. */
export class Budget {
  #left: number;

  constructor(steps: number = stepsMax) {
    this.#left = steps;
  }

  /** Takes steps. Errors: TooMuchWork. */
  take(steps = 1): void {
    this.#left -= steps;
    if (this.#left < 0) throw new TooMuchWork('the object takes too much work to check against its schema');
  }
}
