import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { Interaction } from '../../conformance/raft/interaction.ts';
import { type FileResult, raftScripts, runRaftScripts, runScript } from '../../conformance/raft/suite.ts';

const root = fileURLToPath(new URL('../../../../', import.meta.url));
const heldMin = 40;

describe('the scripts of etcd-io/raft over our core', () => {
  const folder = raftScripts(root, process.env);

  it(`hold, at least ${heldMin} of 41`, function () {
    if (folder === undefined) return this.skip();
    const results = runRaftScripts(folder);
    const unheld = results.filter(({ difference }) => difference !== undefined);
    const unmeant = unheld.filter(({ intended }) => intended === undefined);
    expect(unmeant.map(({ file, difference }: FileResult) => `${file}: ${difference}`)).to.deep.equal([]);
    expect(results.length - unheld.length).to.be.at.least(heldMin);
  });

  it('are compared word by word', () => {
    const script = 'add-nodes 1 voters=(1) index=2\n----\nok\n\ncampaign 1\n----\nINFO prose\n\nraft-state\n----\n';
    expect(runScript(new Interaction(), `${script}1: StateCandidate (Voter) Term:1 Lead:0\n`)).to.equal(undefined);
    expect(runScript(new Interaction(), `${script}1: StateCandidate (Voter) Term:2 Lead:0\n`)).to.equal(
      'line 9 (raft-state): expected "1: StateCandidate (Voter) Term:2 Lead:0", got "1: StateCandidate (Voter) Term:1 Lead:0"',
    );
  });
});
