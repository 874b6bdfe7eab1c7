// Three API servers under a running pipeline, their store a group of its own or an etcd: the leader is killed, then each is
// restarted in turn; controllers, agents and clients turn to the others, and the run ends with the right result, once.
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { kinds, type Slice } from '../../apis/index.ts';
import { present } from '../../base/index.ts';
import { urlsOf } from '../../client/index.ts';
import { type ClusterProcess, startCluster, type TestCluster } from '../support/cluster.ts';
import { etcdUnavailable, startEtcd, type TestEtcd } from '../support/etcd.ts';

const records = 10_000;
const input = Array.from({ length: records }, (_, n) => `{"n":${n},"odd":${n % 2 === 1}}\n`);
const expected = input.filter((_, n) => n % 2 === 1).join('');
const runMsMax = 120_000;

/** Half of the records in about `seconds`. */
const pipeline = (name: string, seconds: number): string => {
  const slowly = `import sys,time\nfor i,line in enumerate(sys.stdin):\n  sys.stdout.write(line)\n  if i % 100 == 0: time.sleep(${seconds / 50})`;
  return `
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
};

for (const store of ['a group of their own', 'one etcd'] as const)
  describe(`three API servers on ${store}`, function () {
    this.timeout(300_000);
    let etcd: TestEtcd | undefined;
    let cluster: TestCluster;

    before(async function () {
      if (store === 'one etcd') {
        if (etcdUnavailable !== undefined) return this.skip();
        etcd = await startEtcd();
      }
      const flags = etcd === undefined ? [] : ['--etcd-endpoints', etcd.endpoints.join(',')];
      cluster = await startCluster(['--servers', '3', '--isolation', 'none', ...flags]);
      await writeFile(join(cluster.dataVolume, 'in.ndjson'), input.join(''));
    });
    after(async () => {
      await cluster?.stop();
      await etcd?.stop();
    });

    const servers = async (): Promise<readonly ClusterProcess[]> =>
      (await cluster.processes()).filter(({ role }) => role === 'apiserver');

    async function leader(): Promise<string> {
      const { stdout } = await cluster.runictl(['barn', 'status', '-o', 'json']);
      const { members } = JSON.parse(stdout) as { members: { name: string; isLeader: boolean }[] };
      return present(members.find(({ isLeader }) => isLeader)?.name, 'leader');
    }

    /** Resolves when every server answers for itself without an error: leader, alarms and hash. */
    async function agree(): Promise<void> {
      const deadline = AbortSignal.timeout(60_000);
      while ((await cluster.runictl(['barn', 'status'])).code !== 0) {
        if (deadline.aborted) throw new Error('the members do not agree');
        await new Promise((resolve) => setTimeout(resolve, 300));
      }
    }

    /** Resolves when dev has started the server again. */
    async function isBack(name: string, pid: number): Promise<void> {
      const deadline = AbortSignal.timeout(60_000);
      for (;;) {
        const now = (await servers()).find((server) => server.name === name);
        if (now !== undefined && now.pid !== pid) return;
        if (deadline.aborted) throw new Error(`${name} was not started again`);
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    }

    async function endsRight(name: string): Promise<void> {
      const run = await cluster.finished(name, { deadlineMs: runMsMax });
      expect(run.status?.phase, JSON.stringify(run.status)).to.equal('Succeeded');
      const result = await readFile(join(cluster.dataVolume, `out/${name}.ndjson`), 'utf8');
      expect(result === expected, `${result.split('\n').length - 1} records of ${records / 2}`).to.equal(true);
      const runs = await cluster.client.list(kinds.runs, { namespace: 'default' });
      expect(runs.items.filter(({ spec }) => spec.pipeline.name === name)).to.have.length(1);
    }

    it('are all named by the kubeconfig and by dev status', async () => {
      expect(urlsOf(cluster.client.raw.connection)).to.have.length(3);
      expect((await servers()).map(({ name }) => name)).to.have.members(['apiserver', 'apiserver-2', 'apiserver-3']);
    });

    it('lose no run when the leader, or the one that all are on, is killed', async () => {
      await cluster.apply(pipeline('killed', 4));
      await isRunning(cluster, 'killed');
      const name = etcd === undefined ? await leader() : 'apiserver';
      const victim = present(
        (await servers()).find((server) => server.name === name),
        name,
      );
      process.kill(victim.pid, 'SIGKILL');
      await endsRight('killed');
      await isBack(name, victim.pid);
    });

    it('lose no run when each is restarted in turn, and any of them shows its logs', async () => {
      await cluster.apply(pipeline('rolling', 8));
      await isRunning(cluster, 'rolling');
      for (const { name, pid } of await servers()) {
        process.kill(pid, 'SIGTERM');
        await isBack(name, pid);
        // As a runbook has it: the next one only when all are well.
        if (etcd === undefined) await agree();
      }
      await endsRight('rolling');
      // The agent dials a server that came back after at most five seconds.
      const deadline = AbortSignal.timeout(60_000);
      const logs = ['logs', '--pipeline', 'rolling', '-s', 'slowly'];
      while ((await cluster.runictl(logs)).code !== 0) {
        if (deadline.aborted) throw new Error('no server showed the logs');
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
      expect((await readdir(join(cluster.dataVolume, 'out'))).toSorted()).to.deep.equal([
        'killed.ndjson',
        'rolling.ndjson',
      ]);
    });
  });

/** Resolves when a slice of the pipeline's run is Running. */
async function isRunning(cluster: TestCluster, name: string): Promise<void> {
  const signal = AbortSignal.timeout(60_000);
  const labelSelector = `runink.io/pipeline=${name}`;
  while (!signal.aborted)
    for await (const event of cluster.client.watch(kinds.slices, { namespace: 'default', labelSelector, signal })) {
      if (event.type === 'BOOKMARK') continue;
      const slice: Slice = event.object;
      if (slice.spec.step === 'slowly' && slice.status?.phase === 'Running') return;
    }
  throw new Error(`nothing of ${name} ran within 60 s`);
}
