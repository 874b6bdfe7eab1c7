// What others wrote to check a Kubernetes API, with the server that was built. Without that material it is skipped.
import { join } from 'node:path';
import { expect } from 'chai';
import { clientNode, runClientNode } from '../conformance/client-node/suite.ts';
import { intended, intendedMax } from '../conformance/kube-golden/intended.ts';
import { kubeGolden, runKubeGolden } from '../conformance/kube-golden/suite.ts';
import type { Outcome } from '../conformance/material.ts';
import { checkout } from '../support/cluster.ts';

const dist = join(checkout, 'dist');

describe('material from outside', function () {
  this.timeout(180_000);
  const folders = { golden: kubeGolden(checkout, process.env), client: clientNode(checkout, process.env) };
  let checks: Promise<readonly Outcome[]> | undefined;

  // Most of their time the checks wait, so they begin first.
  before(() => {
    if (folders.client === undefined) return;
    checks = runClientNode(folders.client, checkout, dist);
    checks.catch(() => undefined);
  });

  it('finds the answers of a real kube-apiserver, but for what differs by intention', async function () {
    const folder = folders.golden;
    if (folder === undefined) return this.skip();
    const outcomes = await runKubeGolden(folder, dist);
    expect(outcomes).to.have.length(108);
    expect(unmeant(outcomes)).to.deep.equal([]);
    const differing = outcomes.filter(({ difference }) => difference !== undefined).map(({ name }) => name);
    // An excuse that is no longer needed would hide the next difference.
    expect(Object.keys(intended).filter((name) => !differing.includes(name))).to.deep.equal([]);
    expect(differing.length).to.be.at.most(intendedMax);
  });

  it('holds with the real @kubernetes/client-node', async function () {
    if (checks === undefined) return this.skip();
    const outcomes = await checks;
    expect(unmeant(outcomes)).to.deep.equal([]);
    expect(outcomes).to.have.length(31);
  });
});

function unmeant(outcomes: readonly Outcome[]): readonly string[] {
  return outcomes
    .filter(({ difference, intended: why }) => difference !== undefined && why === undefined)
    .map(({ name, difference }) => `${name}: ${difference}`);
}
