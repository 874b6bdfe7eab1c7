import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { expect } from 'chai';
import { kinds, type PlanStep, type Run, type Slice } from '../../../apis/index.ts';
import { compareResidue, type Residue, takeResidue, waitForNoResidue } from '../../support/residue.ts';
import { volumeOwner } from '../helper/fixture.ts';
import { type Isolated, openIsolated, whyNot } from './isolated.ts';
import { createRun, exec, file, planOf, sinkFile, sliceName, slicesOf, waitFor } from './rig.ts';

const MiB = 1024 * 1024;
const isEnded = (slice: Slice | undefined): boolean =>
  ['Succeeded', 'Failed', 'Lost'].includes(slice?.status?.phase ?? '');
const isRunning = (slice: Slice | undefined): boolean => slice?.status?.phase === 'Running';

describe('agent: with full isolation', function () {
  this.timeout(60_000);
  let node: Isolated;
  let before_: Residue;
  let runs = 0;
  before(async function () {
    if (whyNot !== undefined) this.skip();
    before_ = takeResidue();
    node = await openIsolated();
  });
  after(async () => {
    if (whyNot !== undefined) return;
    await node[Symbol.asyncDispose]();
    const mine = (line: string): boolean => !line.startsWith('process') && line.includes('test-');
    expect((await waitForNoResidue(before_, 3_000)).filter(mine)).to.deep.equal([]);
    expect(compareResidue(before_, takeResidue()).filter(mine)).to.deep.equal([]);
  });

  async function start(
    steps: readonly PlanStep[],
    deadLetters?: { readonly volume: string; readonly path: string },
  ): Promise<Run> {
    const run = await createRun(node.client, `run-${++runs}`, planOf(steps, deadLetters));
    for (const group of run.spec.plan.groups) await slicesOf(node.client, run, group.name, 1, 'n1');
    return run;
  }

  async function endOf(run: Run, step: string): Promise<NonNullable<Slice['status']>> {
    return (await waitFor(node.client, sliceName(run, step), isEnded))?.status ?? {};
  }

  it('publishes as the owner of the volume', async () => {
    node.write('in.txt', 'one\ntwo\n');
    const run = await start([
      exec('copy', ['cat'], { inputs: [{ name: 'in', ...file('in.txt') }], outputs: [sinkFile('out/copy.txt')] }),
    ]);
    const status = await endOf(run, 'copy');
    expect(status, JSON.stringify(status)).to.include({ phase: 'Succeeded', exitCode: 0 });
    expect(status.memoryPeakBytes).to.be.greaterThan(0);
    expect(readFileSync(node.volume('out/copy.txt'), 'utf8')).to.equal('one\ntwo\n');
    expect(statSync(node.volume('out/copy.txt')).uid).to.equal(volumeOwner);
    expect(readdirSync(node.volume('.runink'))).to.deep.equal([]);
  });

  it('joins a built-in step and a program by a pipe, and publishes dead letters', async () => {
    node.write('in.ndjson', '{"n":1}\n{bad\n{"n":2}\n{"n":3}\n');
    const edge = { kind: 'edge', edge: 'big.count', framed: false } as const;
    const run = await start(
      [
        exec('big', [], {
          group: 'big',
          use: 'filter',
          runtime: 'node',
          with: { where: 'record.n > 1' },
          inputs: [{ name: 'in', ...file('in.ndjson'), format: 'ndjson' }],
          outputs: [edge],
          memoryBytes: 128 * MiB,
          pids: 64,
        }),
        exec('count', ['wc', '-l'], {
          group: 'big',
          inputs: [{ name: 'big', ...edge }],
          outputs: [sinkFile('out/count.txt')],
        }),
      ],
      { volume: 'data', path: 'out/dead.ndjson' },
    );
    const status = await endOf(run, 'big');
    expect(status, JSON.stringify(status)).to.include({ phase: 'Succeeded' });
    expect(status.counters).to.include({ recordsIn: 4, recordsOut: 2, recordsRejected: 1 });
    expect((await endOf(run, 'count')).phase).to.equal('Succeeded');
    expect(readFileSync(node.volume('out/count.txt'), 'utf8')).to.equal('2\n');
    expect(readFileSync(node.volume('out/dead.ndjson'), 'utf8').trim().split('\n')).to.have.length(1);
  });

  it('holds a memory hog, a fork bomb and a busy loop at their limits, and names them', async () => {
    const hog = 'x = []\nwhile True: x.append(bytearray(1 << 20))';
    const bomb = 'import os, time\nfor n in range(200):\n  if os.fork() == 0: time.sleep(100)';
    const run = await start([
      exec('hog', ['python3', '-c', hog]),
      exec('bomb', ['python3', '-c', bomb], { pids: 16 }),
      exec('busy', ['sh', '-c', 'while :; do :; done'], { cpuLimitMillis: 100 }),
    ]);
    expect(await endOf(run, 'hog')).to.include({ phase: 'Failed', reason: 'OOMKilled' });
    expect((await endOf(run, 'bomb')).message).to.match(/PidsLimit: \d+ forks were refused at 16 processes/);
    const name = sliceName(run, 'busy');
    await waitFor(node.client, name, isRunning);
    const last = waitFor(node.client, name, isEnded);
    await node.client.delete(kinds.slices, { namespace: 'default', name });
    // The final status removes the slice; a watch may see only that it is gone.
    await Promise.race([last, waitFor(node.client, name, (slice) => slice === undefined)]);
  });

  it('ends a module that writes to its control socket itself', async () => {
    const text = `import { readdirSync, readlinkSync, writeSync } from 'node:fs';
export async function* Evil(records) {
  for (const fd of readdirSync('/proc/self/fd')) try {
    if (readlinkSync('/proc/self/fd/' + fd).startsWith('socket:')) writeSync(Number(fd), Buffer.alloc(64, 0xff));
  } catch {}
  await new Promise((resolve) => setTimeout(resolve, 30000));
  yield* records;
}`;
    const hash = createHash('sha256').update(text).digest('hex');
    await node.client.create(kinds.bundles, {
      apiVersion: 'runink.io/v1',
      kind: 'Bundle',
      metadata: { namespace: 'default', name: `evil-${hash.slice(0, 10)}` },
      spec: {
        hash,
        size: text.length,
        format: 'module',
        exports: ['Evil'],
        inline: Buffer.from(text).toString('base64'),
      },
    });
    node.write('one.ndjson', '{"n":1}\n');
    const run = await start([
      exec('evil', [], {
        use: 'module',
        runtime: 'node',
        with: {},
        bundle: `evil-${hash.slice(0, 10)}`,
        bundleHash: hash,
        export: 'Evil',
        inputs: [{ name: 'in', ...file('one.ndjson'), format: 'ndjson' }],
        outputs: [{ ...sinkFile('out/evil.ndjson'), format: 'ndjson' }],
        memoryBytes: 128 * MiB,
        pids: 64,
      }),
    ]);
    expect(await endOf(run, 'evil')).to.include({ phase: 'Failed', reason: 'ProtocolError' });
  });

  it('calls a slice lost when the node is stopped, and leaves no staging', async () => {
    const run = await start([exec('stopped', ['sleep', '1000'], { outputs: [sinkFile('out/stopped.txt')] })]);
    await waitFor(node.client, sliceName(run, 'stopped'), isRunning);
    node.helper.kill('SIGTERM');
    await once(node.helper, 'exit');
    expect(await endOf(run, 'stopped')).to.include({ phase: 'Lost', reason: 'AgentStopped' });
    expect(readdirSync(node.volume('.runink'))).to.deep.equal([]);
    await node.startHelper();
  });

  it('calls a slice lost when the helper is killed, and runs the next attempt', async () => {
    const script = `echo whole; test -e /data/data/go || sleep 1000`;
    const run = await start([
      exec('killed', ['sh', '-c', script], {
        inputs: [{ name: 'in', ...file('in.txt') }],
        outputs: [sinkFile('out/killed.txt')],
      }),
    ]);
    await waitFor(node.client, sliceName(run, 'killed'), isRunning);
    node.helper.kill('SIGKILL');
    await once(node.helper, 'exit');
    await node.startHelper();
    expect(await endOf(run, 'killed')).to.include({ phase: 'Lost', reason: 'AgentRestarted' });
    node.write('go', '');
    await slicesOf(node.client, run, 'killed', 2, 'n1');
    const second = await waitFor(node.client, sliceName(run, 'killed', 2), isEnded);
    expect(second?.status?.phase).to.equal('Succeeded');
    expect(readFileSync(node.volume('out/killed.txt'), 'utf8')).to.equal('whole\n');
    expect(readdirSync(node.volume('.runink'))).to.deep.equal([]);
  });
});
