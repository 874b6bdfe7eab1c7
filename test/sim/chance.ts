import { assert, present, type Random, seededRandom } from '../../base/index.ts';

/** Seeded choices of a simulation. */
export class Chance implements Random {
  readonly #random: Random;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
  }

  next(): number {
    return this.#random.next();
  }

  /** True with `probability`. */
  happens(probability: number): boolean {
    return this.next() < probability;
  }

  /** A whole number in [low, high]. */
  between(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1));
  }

  /** Of an exponential distribution: most are short, a few long; at most ten times the mean. */
  around(mean: number): number {
    return Math.min(10 * mean, -Math.log(1 - this.next()) * mean);
  }

  pick<T>(items: readonly T[]): T {
    assert(items.length > 0, 'one can pick only from something');
    return present(items[Math.floor(this.next() * items.length)], 'a choice');
  }

  shuffle<T>(items: readonly T[]): T[] {
    const left = [...items];
    const shuffled: T[] = [];
    while (left.length > 0) shuffled.push(...left.splice(Math.floor(this.next() * left.length), 1));
    return shuffled;
  }

  /** A source of its own: what is drawn from it does not change what is drawn here. */
  fork(): Chance {
    return new Chance(Math.floor(this.next() * 2 ** 32));
  }
}
