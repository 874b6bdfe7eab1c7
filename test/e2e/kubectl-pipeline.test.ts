// A pipeline with user code, applied with the real kubectl, runs like one applied with runictl.

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Outcome, TestCluster } from '../support/cluster.ts';
import { isolationHere, onCluster } from '../support/on-cluster.ts';

const step = `import { map } from 'runink';
export const Double = map((record) => ({ ...record, double: record.n * 2 }));
`;
const pipeline = `apiVersion: runink.io/v1
kind: Pipeline
metadata: { name: doubled, namespace: default }
spec:
  sources: [{ name: numbers, uri: "file://data/in.ndjson" }]
  steps: [{ name: double, bundle: ./double.ts, export: Double, from: [numbers] }]
  sinks: [{ name: out, from: double, uri: "file://data/out/doubled.ndjson" }]
`;

describe('a pipeline applied with kubectl', function () {
  this.timeout(120_000);
  let cluster: TestCluster;
  onCluster(async (started) => {
    cluster = started;
    await mkdir(cluster.dataVolume, { recursive: true });
    await writeFile(join(cluster.dataVolume, 'in.ndjson'), '{"n":1}\n{"n":2}\n');
    await writeFile(join(cluster.directory, 'double.ts'), step);
    await writeFile(join(cluster.directory, 'pipeline.yaml'), pipeline);
  }, isolationHere);

  it('runs, its bundle included, and can be followed, described and deleted with kubectl', async () => {
    const compiled = succeeded(
      await cluster.runictl(['compile', '-f', join(cluster.directory, 'pipeline.yaml'), '-o', 'yaml']),
    );
    const applied = succeeded(await cluster.kubectl(['apply', '-f', '-'], compiled));
    expect(applied).to.match(
      /^bundle\.runink\.io\/[a-z0-9-]+-[0-9a-f]{10} created\npipeline\.runink\.io\/doubled created\n$/,
    );
    const run = await cluster.finished('doubled');
    const name = run.metadata.name ?? '';
    expect(run.status?.phase, run.status?.message).to.equal('Succeeded');
    expect(await readFile(join(cluster.dataVolume, 'out/doubled.ndjson'), 'utf8')).to.equal(
      '{"n":1,"double":2}\n{"n":2,"double":4}\n',
    );

    expect(
      succeeded(await cluster.kubectl(['wait', '--for=condition=Complete', `run/${name}`, '--timeout=10s'])),
    ).to.equal(`run.runink.io/${name} condition met\n`);
    expect(succeeded(await cluster.kubectl(['get', 'run', name]))).to.match(
      /NAME +PIPELINE +PHASE +STEPS +REJECTED +AGE\n.*doubled +Succeeded +1\/1 +0 /,
    );
    expect(succeeded(await cluster.kubectl(['describe', 'run', name])))
      .to.contain('Phase:  ')
      .and.to.contain('Succeeded');
    expect(succeeded(await cluster.kubectl(['apply', '-f', '-'], compiled))).to.match(
      /bundle\S+ unchanged\npipeline\S+ unchanged\n/,
    );
    expect(succeeded(await cluster.kubectl(['delete', 'pipeline', 'doubled']))).to.match(
      /^pipeline\.runink\.io "doubled" deleted/,
    );
    // The run is the pipeline's: it goes with it.
    succeeded(await cluster.kubectl(['wait', '--for=delete', `run/${name}`, '--timeout=30s']));
  });
});

function succeeded(outcome: Outcome): string {
  expect(outcome.code, outcome.stderr).to.equal(0);
  return outcome.stdout;
}
