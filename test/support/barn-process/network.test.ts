import { execFileSync } from 'node:child_process';
import { expect } from 'chai';
import { Network } from './network.ts';

describe('test/support: a network that can be cut', function () {
  this.timeout(30_000);

  it('loses what it is told to lose, one way and both, until it heals', async function () {
    if (process.getuid?.() !== 0) this.skip();
    const network = await Network.open();
    try {
      const a = await network.add('a');
      const b = await network.add('b');
      const reaches = (from: typeof a, to: typeof a): boolean => {
        // A connection that is refused did arrive; the shell's own socket needs no program.
        const script = `timeout 20 bash -c 'exec 3<>/dev/tcp/${to.address}/9' 2>&1; true`;
        const [command, ...rest] = [...from.enter, 'sh', '-c', script];
        return execFileSync(command, rest, { encoding: 'utf8' }).includes('refused');
      };
      expect([reaches(a, b), reaches(b, a)]).to.deep.equal([true, true]);
      network.isolate('a');
      expect([reaches(a, b), reaches(b, a)]).to.deep.equal([false, false]);
      network.heal();
      expect([reaches(a, b), reaches(b, a)]).to.deep.equal([true, true]);
      network.cut('a', 'b');
      expect(reaches(a, b)).to.equal(false);
    } finally {
      await network.close();
    }
  });
});
