import { expect } from 'chai';
import { readMutants, tellVerdict, tryMutant } from './mutants.ts';

const secondsMax = 60;
const mutants = readMutants('test/sim/mutants');

describe('Mutants of the store', () => {
  it('are at least twelve', () => expect(mutants.length).to.be.at.least(12));

  for (const mutant of mutants)
    it(`${mutant.name} is caught`, async () => {
      const verdict = await tryMutant(process.cwd(), mutant, secondsMax);
      console.log(`    ${tellVerdict(mutant, verdict)}`);
      expect(verdict.kind, tellVerdict(mutant, verdict)).to.equal('caught');
      if (verdict.kind === 'caught') expect(mutant.rules, tellVerdict(mutant, verdict)).to.include(verdict.rule);
    }).timeout(1000 * (secondsMax + 120));
});
