// kill -9 of each process in the middle of a run: the run ends with the right result, nothing lost, nothing doubled, and
// no process of a dead attempt goes on.

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { kinds, type Slice } from '../../apis/index.ts';
import { present } from '../../base/index.ts';
import type { TestCluster } from '../support/cluster.ts';
import { onCluster } from '../support/on-cluster.ts';
import { named, sliceProcesses } from '../support/processes.ts';

const records = 20_000;
const input = Array.from({ length: records }, (_, n) => `{"n":${n},"odd":${n % 2 === 1}}\n`);
const expected = input.filter((_, n) => n % 2 === 1).join('');
// Ten thousand records in about three seconds: long enough to be hit in the middle.
const slowly =
  'import sys,time\nfor i,line in enumerate(sys.stdin):\n  sys.stdout.write(line)\n  if i % 100 == 0: time.sleep(0.03)';

const pipeline = (name: string): string => `
apiVersion: runink.io/v1
kind: Pipeline
metadata: { name: ${name}, namespace: default }
spec:
  sources: [{ name: numbers, uri: "file://data/in.ndjson" }]
  steps:
    - { name: odd, use: filter, from: [numbers], with: { where: "record.odd" } }
    - { name: slowly, use: exec, from: [odd], with: { command: [/usr/bin/python3, -c, ${JSON.stringify(slowly)}] } }
  sinks: [{ name: out, from: slowly, uri: "file://data/out/${name}.ndjson" }]
`;

describe('kill -9 in the middle of a run', function () {
  this.timeout(180_000);
  let cluster: TestCluster;
  onCluster(async (started) => {
    cluster = started;
    await writeFile(join(cluster.dataVolume, 'in.ndjson'), input.join(''));
  });

  for (const role of ['slice', 'init', 'controllers', 'apiserver', 'agent', 'exchange', 'helper'] as const) {
    it(`survives the death of the ${role}`, async () => {
      const name = `kill-${role}`;
      await cluster.apply(pipeline(name));
      await allRunning(cluster, name);
      process.kill(await pidOf(cluster, role), 'SIGKILL');
      const run = await cluster.finished(name, { deadlineMs: 90_000 });
      expect(run.status?.phase, JSON.stringify(run.status)).to.equal('Succeeded');
      const result = await readFile(join(cluster.dataVolume, `out/${name}.ndjson`), 'utf8');
      expect(result === expected, `${result.split('\n').length - 1} records of ${records / 2}`).to.equal(true);
      expect(sliceProcesses(cluster.instance)).to.deep.equal([]);
    });
  }
});

/** Resolves when every slice of the pipeline's run is Running. */
async function allRunning(cluster: TestCluster, pipeline: string): Promise<void> {
  const running = new Set<string>();
  const signal = AbortSignal.timeout(30_000);
  const labelSelector = `runink.io/pipeline=${pipeline}`;
  for await (const event of cluster.client.watch(kinds.slices, { namespace: 'default', labelSelector, signal })) {
    if (event.type === 'BOOKMARK') continue;
    const slice: Slice = event.object;
    if (slice.status?.phase === 'Running') running.add(slice.spec.step);
    if (running.size === 2) return;
  }
  throw new Error(`only ${[...running].join(', ') || 'nothing'} ran within 30 s`);
}

async function pidOf(cluster: TestCluster, role: string): Promise<number> {
  if (role === 'init' || role === 'slice') {
    return present(named(sliceProcesses(cluster.instance), `runi-${role}`)[0], `runi-${role}`).pid;
  }
  const found = (await cluster.processes()).find((candidate) => candidate.role === role);
  return present(found, `process ${role}`).pid;
}
