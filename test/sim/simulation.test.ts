import { randomInt } from 'node:crypto';
import { expect } from 'chai';
import { runSeed } from './run.ts';
import { keptSeeds, runSeeds, tellFailure, tellHappenings, tellTally } from './seeds.ts';

const freshSeconds = Number(process.env['RUNINK_SIM_SECONDS'] ?? '60');
const first = Number(process.env['RUNINK_SIM_SEED'] ?? randomInt(2 ** 31));

describe('Simulation of whole clusters', () => {
  it('runs equal seeds equally, step by step', async () => {
    for (const seed of [1, 7]) {
      const [one, other] = [await runSeed(seed), await runSeed(seed)];
      expect(one.traceHash, `seed ${seed}`).to.equal(other.traceHash);
      expect(one.steps).to.equal(other.steps).and.to.be.greaterThan(1_000);
    }
  }).timeout(120_000);

  for (const { seed, why } of keptSeeds())
    it(`holds on seed ${seed}, which once failed: ${why}`, async () => {
      const result = await runSeed(seed);
      expect(result.violation, tellFailure(result)).to.equal(undefined);
    }).timeout(120_000);

  it(`holds on fresh seeds for ${freshSeconds} s`, async () => {
    const endMs = Date.now() + 1000 * freshSeconds;
    const tally = await runSeeds(first, () => Date.now() >= endMs);
    console.log(`    from seed ${first}: ${tellTally(tally)}`);
    for (const line of tellHappenings(tally).split('\n')) console.log(`    ${line}`);
    for (const result of tally.failed) console.log(`    ${tellFailure(result)}`);
    expect(tally.failed.map(({ seed }) => seed)).to.deep.equal([]);
  }).timeout(1000 * (freshSeconds + 120));
});
