import { randomBytes } from 'node:crypto';

/** Where a component gets chance from; a seeded one makes a run repeatable. */
export interface Random {
  /** A number in [0, 1). */
  next(): number;
}

/** Chance from the machine's generator. */
export const systemRandom: Random = {
  next: () => randomBytes(4).readUInt32BE() / 2 ** 32,
};

/** A repeatable sequence (mulberry32): equal seeds give equal numbers. Not for keys or tokens. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return {
    next() {
      state = (state + 0x6d2b79f5) >>> 0;
      let mixed = Math.imul(state ^ (state >>> 15), state | 1);
      mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
    },
  };
}
