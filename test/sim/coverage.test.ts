import { expect } from 'chai';
import type { ThemeName } from './character.ts';
import { type Happening, happenings } from './happenings.ts';
import { type CrashPoint, crashPoints } from './process.ts';
import { runSeed } from './run.ts';
import { tellFailure } from './seeds.ts';

/** What runs are about, one after the other, as long as something is missing. */
const once: readonly ThemeName[] = ['everything', 'damage', 'joint', 'full disks', 'everything', 'brief leaders'];
const again: readonly ThemeName[] = [
  ...(['points', 'points', 'damage', 'points', 'full disks', 'everything', 'snapshots', 'joint'] as const),
];
/** Mostly twenty runs have all; so many may be needed when what is run has changed. */
const runsMax = 150;
/** Members die at so many points in one run: each is met often enough. */
const pointsMax = 8;

describe('What happens in simulations', () => {
  it('leaves out nothing that can happen: each kind of trouble and each point to die at, in runs that are always the same', async () => {
    const missing = new Set<Happening>(happenings);
    let runs = 0;
    for (; missing.size > 0 && runs < runsMax; runs++) {
      const theme = once[runs] ?? again[(runs - once.length) % again.length];
      const unmet = crashPoints.filter((point) => missing.has(`died at ${point}`));
      const points: readonly CrashPoint[] = theme === 'points' ? unmet.slice(0, pointsMax) : unmet;
      const result = await runSeed(1 + runs, { theme, points: points.length > 0 ? points : undefined });
      expect(result.violation, tellFailure(result)).to.equal(undefined);
      for (const what of result.counts.happenings.keys()) missing.delete(what);
    }
    console.log(`    ${happenings.length} kinds of happenings met in ${runs} runs`);
    expect([...missing]).to.deep.equal([]);
  }).timeout(600_000);
});
