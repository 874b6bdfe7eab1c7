// runictl dev as a process, over stand-ins that only say that they are ready: what it starts, starts again and ends.
import { type ChildProcess, spawn } from 'node:child_process';
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { present } from '../../../base/index.ts';
import { type Outcome, run } from '../../support/cluster.ts';

const bundle = fileURLToPath(new URL('../../../bin/runictl', import.meta.url));
const standIn = `#!/usr/bin/env node
const { mkdirSync, writeFileSync } = require('node:fs');
const { basename, join } = require('node:path');
const name = basename(process.argv[1]);
const after = (flag) => process.argv[process.argv.indexOf(flag) + 1];
if (process.env.RUNINK_EXIT_ON_STDIN_EOF === '1') process.stdin.on('end', () => process.exit(0)).resume();
process.on('SIGTERM', () => process.exit(0));
if (name === 'runink-apiserver') {
  const data = after('--data');
  mkdirSync(join(data, 'nodes'), { recursive: true });
  for (const file of ['admin.kubeconfig', 'controllers.kubeconfig', 'nodes/node-1.kubeconfig']) writeFileSync(join(data, file), '{}');
  console.log(JSON.stringify({ ready: true, url: 'https://127.0.0.1:1' }));
} else console.log(JSON.stringify({ ready: true }));
setInterval(() => {}, 1e9);
`;

interface Process {
  readonly role: string;
  readonly pid: number;
  readonly restarts?: number;
}

describe('runictl dev', function () {
  this.timeout(60_000);
  let folder: string;
  let dataDir: string;
  let program: string;
  const started = new Set<ChildProcess>();

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'runictl-dev-'));
    program = join(folder, 'dist', 'bin', 'runictl');
    await mkdir(join(folder, 'dist', 'bin'), { recursive: true });
    await writeFile(join(folder, 'dist', 'package.json'), '{ "type": "commonjs" }');
    await copyFile(bundle, `${program}.mjs`);
    for (const name of ['runink-apiserver', 'runink-controllers', 'runi-agent']) {
      await writeFile(join(folder, 'dist', 'bin', name), standIn);
      await chmod(join(folder, 'dist', 'bin', name), 0o755);
    }
    program = `${program}.mjs`;
  });
  beforeEach(async () => {
    dataDir = await mkdtemp(join(folder, 'data-'));
  });
  afterEach(async () => {
    for (const child of started) if (child.exitCode === null && child.signalCode === null) await end(child, 'SIGTERM');
    started.clear();
  });
  after(() => rm(folder, { recursive: true, force: true }));

  const command = (...args: string[]): Promise<Outcome> =>
    run(process.execPath, [program, 'dev', ...args, '--data', dataDir]);
  const processes = async (): Promise<readonly Process[]> =>
    (JSON.parse((await command('status', '-o', 'json')).stdout) as { processes: Process[] }).processes;
  const of = (all: readonly Process[], role: string): Process =>
    present(
      all.find((one) => one.role === role),
      role,
    );

  async function start(...args: string[]): Promise<{ readonly child: ChildProcess; readonly line: string }> {
    const child = spawn(process.execPath, [program, 'dev', '--data', dataDir, '--isolation', 'none', ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    started.add(child);
    const line = await new Promise<string>((resolve, reject) => {
      createInterface({ input: present(child.stdout, 'stdout') }).once('line', resolve);
      child.once('close', () => reject(new Error('dev ended')));
    });
    return { child, line };
  }

  it('says when it is ready, and names every process', async () => {
    const { line } = await start();
    expect(line).to.equal(
      `ready: https://127.0.0.1:1, 1 node, isolation none; export KUBECONFIG=${dataDir}/kubeconfig`,
    );
    const all = await processes();
    expect(all.map(({ role }) => role).sort()).to.deep.equal(['agent', 'apiserver', 'controllers']);
    expect(all.every(({ pid }) => isThere(pid))).to.equal(true);
    expect(JSON.parse((await command('status', '-o', 'json')).stdout)).to.include({
      ready: true,
      url: 'https://127.0.0.1:1',
    });
    expect((await command('status')).stdout).to.match(/^ROLE +NAME +PID +RESTARTS +URL\n/);
  });

  it('refuses a second one on the same folder', async () => {
    await start();
    const { code, stderr } = await command('--isolation', 'none');
    expect(code).to.equal(1);
    expect(stderr).to.contain('another "runictl dev" runs on').and.to.contain('dev stop');
  });

  it('starts again what dies', async () => {
    await start();
    const before = of(await processes(), 'controllers');
    process.kill(before.pid, 'SIGKILL');
    const after = await until(async () => {
      const found = (await processes()).find(({ role, pid }) => role === 'controllers' && pid !== before.pid);
      return found;
    });
    expect(after.restarts).to.equal(1);
  });

  it('leaves down what dies with --no-restart', async () => {
    await start('--no-restart');
    process.kill(of(await processes(), 'controllers').pid, 'SIGKILL');
    await until(async () => ((await processes()).some(({ role }) => role === 'controllers') ? undefined : true));
    expect((await processes()).map(({ role }) => role).sort()).to.deep.equal(['agent', 'apiserver']);
  });

  for (const [title, how] of [
    ['SIGTERM', (child: ChildProcess) => end(child, 'SIGTERM')],
    ['SIGINT', (child: ChildProcess) => end(child, 'SIGINT')],
    [
      'SIGINT and SIGTERM at once, as npm and timeout(1) double them',
      async (child: ChildProcess) => {
        child.kill('SIGINT');
        return end(child, 'SIGTERM');
      },
    ],
    [
      'dev stop',
      async (child: ChildProcess) => {
        const closed = new Promise<number | null>((resolve) => child.once('close', resolve));
        expect((await command('stop')).stdout).to.equal('stopped\n');
        return closed;
      },
    ],
  ] as const)
    it(`ends everything on ${title}`, async () => {
      const { child } = await start();
      const all = await processes();
      expect(await how(child)).to.equal(0);
      expect(all.filter(({ pid }) => isThere(pid))).to.deep.equal([]);
      expect((await command('status')).code).to.equal(1);
    });

  it('takes its children along when it is killed, and the next one starts clean', async () => {
    const { child } = await start();
    const all = await processes();
    await end(child, 'SIGKILL');
    await until(async () => (all.some(({ pid }) => isThere(pid)) ? undefined : true));
    const { line } = await start();
    expect(line).to.match(/^ready: /);
  });

  it('tells the last words of what does not start', async () => {
    const controllers = join(folder, 'dist', 'bin', 'runink-controllers');
    const good = await readFile(controllers, 'utf8');
    try {
      await writeFile(controllers, 'throw new Error("no luck today");');
      const { code, stderr } = await command('--isolation', 'none');
      expect(code).to.equal(1);
      expect(stderr).to.match(
        /^error: controllers ended before it was ready \(exit code 1\)\. Its last words:\n[^]*no luck today/,
      );
      expect((await command('status')).code).to.equal(1);
    } finally {
      await writeFile(controllers, good);
    }
  });

  it('refuses a plain user who has no helper, naming both ways out', async function () {
    if (process.getuid?.() !== 0) this.skip();
    const child = spawn(process.execPath, [program, 'dev', '--data', dataDir], {
      uid: 65534,
      gid: 65534,
      stdio: 'pipe',
    });
    let err = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
    await chmod(folder, 0o755);
    const code = await new Promise((resolve) => child.once('close', resolve));
    expect(err).to.contain('hack/install-helper').and.to.contain('--isolation=none');
    expect(code).to.equal(1);
  });
});

function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  const closed = new Promise<number | null>((resolve) => child.once('close', resolve));
  child.kill(signal);
  return closed;
}

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function until<T>(look: () => Promise<T | undefined>, deadlineMs = 15_000): Promise<T> {
  const endMs = performance.now() + deadlineMs;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > endMs) throw new Error(`not there after ${deadlineMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
