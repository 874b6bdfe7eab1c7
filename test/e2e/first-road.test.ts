import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import type { TestCluster } from '../support/cluster.ts';
import { onCluster } from '../support/on-cluster.ts';

for (const [title, args] of [
  ['with full isolation', []],
  ['without isolation', ['--isolation', 'none']],
] as const) {
  describe(`the walk of one pipeline, ${title}`, function () {
    this.timeout(120_000);
    let cluster: TestCluster;
    onCluster(async (started) => {
      cluster = started;
      await mkdir(cluster.dataVolume, { recursive: true });
      await writeFile(join(cluster.dataVolume, 'in.ndjson'), '{"n":1}\n{"n":2}\n{"n":3}\n');
    }, args);

    it('runs a program from file to file', async () => {
      await cluster.apply(`
apiVersion: runink.io/v1
kind: Pipeline
metadata: { name: copy, namespace: default }
spec:
  sources: [{ name: numbers, uri: "file://data/in.ndjson" }]
  steps: [{ name: tac, use: exec, from: [numbers], with: { command: [/usr/bin/tac] } }]
  sinks: [{ name: out, from: tac, uri: "file://data/out/reversed.ndjson" }]
`);
      const run = await cluster.finished('copy');
      expect(run.status?.phase, JSON.stringify(run.status)).to.equal('Succeeded');
      expect(await readFile(join(cluster.dataVolume, 'out/reversed.ndjson'), 'utf8')).to.equal(
        '{"n":3}\n{"n":2}\n{"n":1}\n',
      );
    });

    it('runs two built-in steps joined by a pipe', async () => {
      await cluster.apply(`
apiVersion: runink.io/v1
kind: Pipeline
metadata: { name: big, namespace: default }
spec:
  sources: [{ name: numbers, uri: "file://data/in.ndjson" }]
  steps:
    - { name: keep, use: filter, from: [numbers], with: { where: "record.n > 1" } }
    - { name: more, use: derive, from: [keep], with: { fields: { twice: "record.n * 2" } } }
  sinks: [{ name: out, from: more, uri: "file://data/out/big.ndjson" }]
`);
      const run = await cluster.finished('big');
      expect(run.status?.phase, JSON.stringify(run.status)).to.equal('Succeeded');
      expect(await readFile(join(cluster.dataVolume, 'out/big.ndjson'), 'utf8')).to.equal(
        '{"n":2,"twice":4}\n{"n":3,"twice":6}\n',
      );
      expect(
        run.status?.steps?.map((step) => [step.name, step.counters?.recordsIn, step.counters?.recordsOut]),
      ).to.deep.equal([
        ['keep', 3, 2],
        ['more', 2, 2],
      ]);
    });
  });
}
