// A cluster whose store is lost and restored from an older copy, with a run under way: revisions only grow, watches are told to
// list anew, all agree with the restored state, and no step runs twice, though the store has forgotten that some ran.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { isApiError, kinds } from '../../apis/index.ts';
import { exitOnStdinEofVariable, present } from '../../base/index.ts';
import { type ClusterProcess, startCluster, type TestCluster, waitFor } from '../support/cluster.ts';

const namespace = 'default';

/** Steps one after the other; each counts itself in a file that nobody publishes, then waits until it may go. */
const chain = (folder: string, name: string, steps: readonly string[]): string => {
  const script = (step: string): string =>
    `echo ${step} >> ${folder}/${name}.ran; until [ -e ${folder}/${name}.${step}.go ]; do sleep 0.05; done; echo ${step}`;
  const line = (step: string, index: number): string =>
    `    - { name: ${step}, use: exec, with: { command: [/bin/sh, -c, ${JSON.stringify(script(step))}] }${
      index === 0 ? '' : `, after: [${steps[index - 1]}]`
    } }`;
  return `
apiVersion: runink.io/v1
kind: Pipeline
metadata: { name: ${name}, namespace: ${namespace} }
spec:
  steps:
${steps.map(line).join('\n')}
  sinks: [{ name: out, from: ${steps.at(-1)}, uri: "file://data/${name}.out" }]
`;
};

describe('a store that is restored from an older copy', function () {
  this.timeout(240_000);
  let cluster: TestCluster;
  const byHand: ChildProcess[] = [];

  afterEach(async () => {
    for (const child of byHand.splice(0)) {
      const closed = once(child, 'close');
      child.stdin?.end();
      await closed;
    }
    await cluster.stop();
  });

  const folder = (): string => cluster.dataVolume;
  const go = (pipeline: string, step: string): Promise<void> => writeFile(join(folder(), `${pipeline}.${step}.go`), '');
  const ran = async (pipeline: string): Promise<string> =>
    (await readFile(join(folder(), `${pipeline}.ran`), 'utf8').catch(() => '')).trim().replaceAll('\n', ' ');
  const servers = async (): Promise<readonly ClusterProcess[]> =>
    (await cluster.processes()).filter(({ role }) => role === 'apiserver');

  /** Resolves when the step's slice of the pipeline's run says so. */
  async function isRunning(pipeline: string, step: string): Promise<void> {
    const run = await runOf(pipeline);
    const ref = { namespace, name: `${run}-${step}-1` };
    await waitFor(cluster.client, kinds.slices, ref, (slice) => slice?.status?.phase === 'Running', 60_000);
  }

  async function runOf(pipeline: string): Promise<string> {
    const ref = { namespace, name: pipeline };
    const seen = await waitFor(cluster.client, kinds.pipelines, ref, (found) => found?.status?.lastRun !== undefined);
    return present(seen?.status?.lastRun, 'last run');
  }

  async function account(name: string): Promise<number> {
    const made = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace, name } } as const;
    return Number((await cluster.client.create(kinds.serviceAccounts, made)).metadata.resourceVersion);
  }

  /** Everything up to the copy, which is saved with the first of three steps running. */
  async function untilSaved(): Promise<void> {
    await cluster.apply(chain(folder(), 'early', ['only']));
    await go('early', 'only');
    expect((await cluster.finished('early')).status?.phase).to.equal('Succeeded');
    await account('deleted-later');
    await cluster.apply(chain(folder(), 'long', ['one', 'two', 'three']));
    await isRunning('long', 'one');
    const saved = await cluster.runictl(['barn', 'snapshot', 'save', join(cluster.directory, 'copy.db')]);
    expect(saved.code, saved.stderr).to.equal(0);
  }

  /** What the copy does not know: objects come and go, a later run ends. Gives the last revision of this life. */
  async function untilLost(): Promise<number> {
    await cluster.client.delete(kinds.serviceAccounts, { namespace, name: 'deleted-later' });
    await cluster.apply(chain(folder(), 'later', ['only']));
    await go('later', 'only');
    expect((await cluster.finished('later')).status?.phase).to.equal('Succeeded');
    return account('created-later');
  }

  async function restore(server: ClusterProcess, ...flags: string[]): Promise<number> {
    const data = present(server.argv[server.argv.indexOf('--data') + 1], 'data folder');
    await rename(join(data, 'barn'), join(cluster.directory, `lost-${server.name}`));
    const argv = ['barn', 'snapshot', 'restore', join(cluster.directory, 'copy.db'), '--data', data, '-o', 'json'];
    const { code, stdout, stderr } = await cluster.runictl([...argv, ...flags]);
    expect(code, stderr).to.equal(0);
    return (JSON.parse(stdout) as { readonly revision: number }).revision;
  }

  /** What must hold once all are back. */
  async function agrees(lastRevision: number, restored: number): Promise<void> {
    expect(restored).to.be.greaterThan(lastRevision);
    const { items } = await cluster.client.list(kinds.serviceAccounts, { namespace });
    expect(items.map(({ metadata }) => metadata.name)).to.have.members(['default', 'deleted-later']);
    expect(await account('new')).to.be.greaterThan(restored);
    const old = async (): Promise<void> => {
      const since = { namespace, resourceVersion: String(lastRevision), signal: AbortSignal.timeout(30_000) };
      for await (const event of cluster.client.watch(kinds.serviceAccounts, since)) void event;
    };
    expect(isApiError(await old().catch((error: unknown) => error), 'Expired', 'Gone')).to.equal(true);
    const { items: pipelines } = await cluster.client.list(kinds.pipelines, { namespace });
    expect(pipelines.map(({ metadata }) => metadata.name)).to.have.members(['early', 'long']);
  }

  async function endsWithoutRepeating(): Promise<void> {
    const run = await cluster.finished('long', { deadlineMs: 120_000 });
    expect([run.status?.phase, run.status?.summary], JSON.stringify(run.status)).to.deep.equal(['Succeeded', '3/3']);
    expect([await ran('early'), await ran('long'), await ran('later')]).to.deep.equal([
      'only',
      'one two three',
      'only',
    ]);
    expect(run.status?.attempts ?? []).to.deep.equal([]);
    expect(await readFile(join(folder(), 'long.out'), 'utf8')).to.equal('three\n');
    for (const { metadata, spec } of (await cluster.client.list(kinds.nodes)).items)
      expect(spec?.taints ?? [], metadata.name).to.deep.equal([]);
  }

  it('finds two agents that went on, one with a slice the store has forgotten', async () => {
    cluster = await startCluster(['--isolation', 'none', '--agents', '2', '--no-restart']);
    await untilSaved();
    await go('long', 'one');
    await go('long', 'two');
    await isRunning('long', 'three');
    const lastRevision = await untilLost();
    const [server] = await servers();
    const lost = present(server, 'the API server');
    process.kill(lost.pid, 'SIGKILL');
    const restored = await restore(lost);

    const [command = '', ...args] = lost.argv;
    const env = { PATH: process.env['PATH'] ?? '', [exitOnStdinEofVariable]: '1' };
    const child = spawn(command, args, { env, stdio: ['pipe', 'pipe', 'ignore'] });
    byHand.push(child);
    await once(present(child.stdout, 'stdout'), 'data');
    await agrees(lastRevision, restored);
    const three = { namespace, name: `${await runOf('long')}-three-1` };
    await waitFor(cluster.client, kinds.slices, three, (slice) => slice?.status?.phase === 'Running', 90_000);
    await go('long', 'three');
    await endsWithoutRepeating();
  });

  it('as a group of three, finds all that was done by agents that start again', async () => {
    const flags = ['--isolation', 'none', '--agents', '2', '--servers', '3'];
    cluster = await startCluster(flags);
    await untilSaved();
    for (const step of ['one', 'two', 'three']) await go('long', step);
    expect((await cluster.finished('long')).status?.phase).to.equal('Succeeded');
    const lastRevision = await untilLost();
    const lost = await servers();
    await cluster.stop({ isKept: true });
    const revisions: number[] = [];
    for (const server of lost) {
      const members = present(server.argv[server.argv.indexOf('--initial-cluster') + 1], 'members');
      const group = ['--name', server.name, '--initial-cluster', members, '--initial-cluster-token', 'restored'];
      revisions.push(await restore(server, ...group));
    }
    expect(new Set(revisions).size).to.equal(1);
    cluster = await startCluster(flags, cluster.directory);
    await agrees(lastRevision, present(revisions[0], 'revision'));
    await endsWithoutRepeating();
    const deadline = AbortSignal.timeout(60_000);
    while ((await cluster.runictl(['barn', 'status'])).code !== 0) {
      if (deadline.aborted) throw new Error('the members do not agree');
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
  });
});
