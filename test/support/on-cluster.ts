import { expect } from 'chai';
import { startCluster, type TestCluster } from './cluster.ts';
import { compareResidue, takeResidue } from './residue.ts';

/** Without isolation where the tests do not run as root. */
export const isolationHere: readonly string[] = process.getuid?.() === 0 ? [] : ['--isolation', 'none'];

/**
 * Gives the tests around it one cluster, started with `args`, and checks after them that nothing is left of it. They are
 * skipped where full isolation is asked for by somebody who is not root.
 */
export function onCluster(take: (cluster: TestCluster) => Promise<unknown> | void, args: readonly string[] = []): void {
  let cluster: TestCluster | undefined;
  const residue = takeResidue();

  before(async function (this: Mocha.Context) {
    if (process.getuid?.() !== 0 && !args.includes('none')) this.skip();
    cluster = await startCluster(args);
    await take(cluster);
  });
  after(async () => {
    if (cluster === undefined) return;
    await cluster.stop();
    expect(compareResidue(residue, takeResidue())).to.deep.equal([]);
  });
}
