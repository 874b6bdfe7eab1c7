// From the decision to start a native program to its first byte: in a slice, cold, beside posix_spawn of the same static
// binary in the same process, bubblewrap and crun. Needs root and a C compiler.
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { exchangeUid, gid, HelperHome, makeHelper, spawnHelper, unavailable } from '../integration/helper/fixture.ts';
import { beside, median, quantile, type Row } from './row.ts';

const rounds = 60;
const warmups = 5;
const source = resolve(import.meta.dirname, '../../../test/bench/slice-start.c');

/** Milliseconds to the first byte. */
export async function bench(): Promise<readonly Row[]> {
  if (unavailable !== undefined) throw new Error(`slice-start: ${unavailable}`);
  makeHelper();
  const folder = mkdtempSync(join(tmpdir(), 'runink-start-'));
  try {
    const program = join(folder, 'slice-start');
    chmodSync(folder, 0o755);
    execFileSync('cc', ['-O2', '-static', '-o', program, source]);
    const { slices, controls } = await timeSlices(program);
    const control = median(controls);
    return [
      beside('slice, cold, to first byte, p50', median(slices), 'ms', 'posix_spawn', control),
      beside('slice, cold, to first byte, p95', quantile(slices, 0.95), 'ms', 'posix_spawn', quantile(controls, 0.95)),
      ...tool('bubblewrap', () => timeBubblewrap(folder, program), slices),
      ...tool('crun', () => timeCrun(folder, program), slices),
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function tool(name: string, time: () => readonly number[], slices: readonly number[]): readonly Row[] {
  const program = name === 'bubblewrap' ? '/usr/bin/bwrap' : '/usr/bin/crun';
  if (!existsSync(program)) return [{ name: `${name} is not installed`, value: Number.NaN, unit: 'ms' }];
  return [beside('slice, cold, to first byte, p50', median(slices), 'ms', name, median(time()))];
}

async function timeSlices(program: string): Promise<{ slices: readonly number[]; controls: readonly number[] }> {
  const home = new HelperHome();
  try {
    const runtime = join(home.directory, 'runtime/slice-start');
    copyFileSync(program, runtime);
    const count = rounds + warmups;
    mkdirSync(join(home.state, 'exchange'));
    for (let index = 0; index < count; index++) {
      const slot = join(home.state, 'exchange', `bench-${index}`);
      mkdirSync(slot, { mode: 0o755 });
      chownSync(slot, exchangeUid, gid);
    }
    const child = spawnHelper(home, [runtime, 'agent', String(count), home.state, runtime]);
    const said: string[] = [];
    child.stdout?.on('data', (bytes: Buffer) => said.push(String(bytes)));
    child.stderr?.on('data', (bytes: Buffer) => said.push(String(bytes)));
    const [code] = await once(child, 'close');
    if (code !== 0) throw new Error(`slice-start: ${said.join('')}`);
    const times = (kind: string): readonly number[] =>
      [...said.join('').matchAll(new RegExp(`^${kind} (.*)$`, 'gm'))].map(([, ms]) => Number(ms)).slice(warmups);
    return { slices: times('slice'), controls: times('control') };
  } finally {
    home.remove();
  }
}

function timeBubblewrap(folder: string, program: string): readonly number[] {
  return timeSpawn(folder, program, [
    '/usr/bin/bwrap',
    ...['--unshare-all', '--ro-bind', '/usr', '/usr', '--symlink', 'usr/bin', '/bin', '--symlink', 'usr/lib', '/lib'],
    ...[
      '--proc',
      '/proc',
      '--dev',
      '/dev',
      '--tmpfs',
      '/tmp',
      '--bind',
      folder,
      '/bench',
      '--uid',
      '1000',
      '--gid',
      '1000',
    ],
    ...['--die-with-parent', '/bench/slice-start', 'byte', '/bench/socket'],
  ]);
}

/** A container like a slice: own namespaces, limits, no capability; crun's default filter is none, so it has it easier. */
function timeCrun(folder: string, program: string): readonly number[] {
  const bundle = join(folder, 'bundle');
  mkdirSync(join(bundle, 'rootfs/bench'), { recursive: true });
  for (const name of ['proc', 'dev', 'tmp']) mkdirSync(join(bundle, 'rootfs', name));
  const mount = (destination: string, type: string, sourceOf: string, options: readonly string[] = []) => ({
    destination,
    type,
    source: sourceOf,
    options,
  });
  writeFileSync(
    join(bundle, 'config.json'),
    JSON.stringify({
      ociVersion: '1.0.2',
      root: { path: 'rootfs', readonly: true },
      process: {
        user: { uid: 0, gid: 0 },
        args: ['/bench/slice-start', 'byte', '/bench/socket'],
        cwd: '/',
        noNewPrivileges: true,
        capabilities: {},
      },
      mounts: [
        mount('/proc', 'proc', 'proc'),
        mount('/dev', 'tmpfs', 'tmpfs', ['mode=755']),
        mount('/tmp', 'tmpfs', 'tmpfs'),
        mount('/bench', 'bind', folder, ['bind']),
      ],
      linux: {
        namespaces: ['pid', 'network', 'ipc', 'uts', 'mount'].map((type) => ({ type })),
        resources: { memory: { limit: 67_108_864 }, pids: { limit: 8 } },
      },
    }),
  );
  const name = `runink-bench-${process.pid}`;
  // crun refuses hybrid machines: without the v2 tree, in a mount namespace of its own, it takes them for v1.
  const hidden = 'umount /sys/fs/cgroup/unified 2>/dev/null; exec "$@"';
  const crun = ['/usr/bin/crun', 'run', '--bundle', bundle, name];
  return timeSpawn(folder, program, crun, ['unshare', '-m', '--propagation', 'private', 'sh', '-c', hidden, 'sh']);
}

function timeSpawn(
  folder: string,
  program: string,
  argv: readonly string[],
  around: readonly string[] = [],
): readonly number[] {
  const timer = [program, 'spawn', String(rounds + warmups), join(folder, 'socket')];
  const [command = '', ...options] = [...around, ...timer, ...argv];
  const said = execFileSync(command, options, { encoding: 'utf8', timeout: 60_000 });
  return said.trim().split('\n').map(Number).slice(warmups);
}
