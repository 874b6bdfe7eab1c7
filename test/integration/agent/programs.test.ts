import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { kinds, type Slice } from '../../../apis/index.ts';
import { openPrograms, type Programs } from './programs.ts';
import { createRun, exec, file, planOf, sinkFile, sliceName, slicesOf, waitFor } from './rig.ts';

describe('agent: the programs on a real API server', function () {
  this.timeout(60_000);
  let programs: Programs;
  before(async () => {
    programs = await openPrograms('n1');
  });
  after(() => programs[Symbol.asyncDispose]());

  it('registers a Node that is ready, with its volumes, and a Lease', async () => {
    const node = await programs.client.get(kinds.nodes, { name: 'n1' });
    expect(node.status?.conditions?.map(({ type, status }) => `${type}=${status}`)).to.deep.equal(['Ready=True']);
    expect(node.status?.volumes).to.deep.equal(['data:rw']);
    expect(node.status?.nodeInfo?.containerRuntimeVersion).to.equal('none');
    const lease = await programs.client.get(kinds.leases, { namespace: 'runink-node-lease', name: 'n1' });
    expect(lease.spec).to.include({ holderIdentity: 'n1', leaseDurationSeconds: 40 });
  });

  it('runs a slice from file to file, with the node’s rights, and gives its log', async () => {
    const { client, top } = programs;
    await writeFile(join(top, 'volume', 'in.txt'), 'one\ntwo\n');
    const run = await createRun(
      client,
      'first',
      planOf([
        exec('copy', ['sh', '-c', 'echo to the log >&2; cat'], {
          inputs: [{ name: 'in', ...file('in.txt') }],
          outputs: [sinkFile('out.txt')],
        }),
      ]),
    );
    await slicesOf(client, run, 'copy', 1, 'n1');
    const slice = await waitFor(client, sliceName(run, 'copy'), isEnded);
    expect(slice?.status, JSON.stringify(slice?.status)).to.include({ phase: 'Succeeded', exitCode: 0 });
    expect(await readFile(join(top, 'volume', 'out.txt'), 'utf8')).to.equal('one\ntwo\n');
    expect(await logOf('first', 'copy')).to.equal('to the log\n');
  });

  it('loses no slice when the exchange is killed, and goes on with its log', async () => {
    const { client, top, agent } = programs;
    const script = 'echo before; until test -e "$0"; do sleep 0.05; done; echo after';
    const run = await createRun(client, 'logged', planOf([exec('talk', ['sh', '-c', script, join(top, 'go')])]));
    await slicesOf(client, run, 'talk', 1, 'n1');
    await waitFor(client, sliceName(run, 'talk'), (slice) => slice?.status?.phase === 'Running');
    for (const pid of childrenOf(agent.pid, 'runi-exchange')) process.kill(pid, 'SIGKILL');
    await until(() => childrenOf(agent.pid, 'runi-exchange').length === 1 && existsSync(logSocket(agent.pid)));
    await writeFile(join(top, 'go'), '');
    const slice = await waitFor(client, sliceName(run, 'talk'), isEnded);
    expect(slice?.status?.phase).to.equal('Succeeded');
    expect(await logOf('logged', 'talk')).to.equal('before\nafter\n');
  });

  it('reports a slice whose process is killed', async () => {
    const { client, agent } = programs;
    const run = await createRun(client, 'killed', planOf([exec('sleep', ['sleep', '1234'])]));
    await slicesOf(client, run, 'sleep', 1, 'n1');
    await waitFor(client, sliceName(run, 'sleep'), (slice) => slice?.status?.phase === 'Running');
    for (const pid of childrenOf(agent.pid, 'sleep')) process.kill(pid, 'SIGKILL');
    const slice = await waitFor(client, sliceName(run, 'sleep'), isEnded);
    expect(slice?.status).to.include({ phase: 'Failed', reason: 'StepFailed', message: 'it was ended by SIGKILL' });
  });

  it('ends what a killed agent left, calls it lost, and runs the next attempt', async () => {
    const { client, top } = programs;
    const script = 'echo whole; setsid sleep 4321 & test -e "$0" || sleep 4321';
    const run = await createRun(
      client,
      'again',
      planOf([exec('work', ['sh', '-c', script, join(top, 'go-on')], { outputs: [sinkFile('again.txt')] })]),
    );
    await slicesOf(client, run, 'work', 1, 'n1');
    await waitFor(client, sliceName(run, 'work'), (slice) => slice?.status?.phase === 'Running');
    programs.agent.kill('SIGKILL');
    await programs.startAgent();
    const lost = await waitFor(client, sliceName(run, 'work'), isEnded);
    expect(lost?.status).to.include({ phase: 'Lost', reason: 'AgentRestarted' });
    expect(processes().filter(({ argv }) => argv.includes('4321'))).to.deep.equal([]);
    expect(existsSync(join(top, 'volume', 'again.txt'))).to.equal(false);
    expect(readdirSync(join(top, 'volume', '.runink'))).to.deep.equal([]);
    await writeFile(join(top, 'go-on'), '');
    await slicesOf(client, run, 'work', 2, 'n1');
    const second = await waitFor(client, sliceName(run, 'work', 2), isEnded);
    expect(second?.status?.phase).to.equal('Succeeded');
    expect(await readFile(join(top, 'volume', 'again.txt'), 'utf8')).to.equal('whole\n');
    expect(processes().filter(({ argv }) => argv.includes('4321'))).to.deep.equal([]);
  });

  async function logOf(run: string, step: string): Promise<string> {
    const path = `/apis/runink.io/v1/namespaces/default/runs/${run}/log`;
    const answer = await programs.client.raw.request({ method: 'GET', path, query: { step } });
    const chunks: Buffer[] = [];
    for await (const chunk of answer.body) chunks.push(Buffer.from(chunk));
    return Buffer.concat(chunks).toString();
  }
});

function isEnded(slice: Slice | undefined): boolean {
  return ['Succeeded', 'Failed', 'Lost'].includes(slice?.status?.phase ?? '');
}

interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly argv: readonly string[];
}

function processes(): Process[] {
  return readdirSync('/proc').flatMap((name) => {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'latin1');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      const argv = readFileSync(`/proc/${name}/cmdline`, 'latin1').split('\0');
      return fields[0] === 'Z' ? [] : [{ pid: Number(name), parent: Number(fields[1]), argv }];
    } catch {
      return [];
    }
  });
}

function childrenOf(parent: number | undefined, word: string): number[] {
  const all = processes().filter((process) => process.parent === parent);
  return all.filter(({ argv }) => argv.some((part) => part.endsWith(word))).map(({ pid }) => pid);
}

/** The log socket of the slot that runs `talk`. */
function logSocket(agent: number | undefined): string {
  const exchange = processes().find(({ parent, argv }) => parent === agent && argv.includes('--directory'));
  const directory = exchange?.argv[exchange.argv.indexOf('--directory') + 1] ?? '';
  const slot = existsSync(directory) ? readdirSync(directory).find((name) => name.endsWith('-talk')) : undefined;
  return join(directory, slot ?? 'none', 'log.sock');
}

async function until(holds: () => boolean): Promise<void> {
  const end = Date.now() + 10_000;
  while (!holds()) {
    if (Date.now() > end) throw new Error('it did not come true within 10 s');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
