import { expect } from 'chai';
import { Ledger } from './ledger.ts';

describe('runi-agent: ledger', () => {
  const amounts = (cpuMillis: number, memoryBytes: number, slices: number) => ({ cpuMillis, memoryBytes, slices });

  it('says what is missing beside what is reserved, and frees what is released', () => {
    const ledger = new Ledger(amounts(1000, 100, 2));
    ledger.reserve('a', amounts(700, 10, 1));
    expect(ledger.misfit(amounts(300, 90, 1))).to.equal(undefined);
    expect(ledger.misfit(amounts(301, 1, 1))).to.deep.equal({
      reason: 'OutOfCpu',
      message: 'the node refuses the group: it needs 301m cpu, 300m are free',
    });
    expect(ledger.misfit(amounts(1, 91, 1))?.reason).to.equal('OutOfMemory');
    expect(ledger.misfit(amounts(1, 1, 2))?.reason).to.equal('OutOfSlices');
    ledger.release('a');
    expect(ledger.misfit(amounts(1000, 100, 2))).to.equal(undefined);
  });
});
