// With full isolation agent and slices run as users of their own, who cannot read a clone in a private home: what they
// need lies in a folder of root's under /run for as long as dev lives.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  constants,
  copyFileSync,
  linkSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { CommandError } from '../failure.ts';

/** The ids a node's processes get: agent, exchange and group from `first`, slices above. */
export interface IdRange {
  readonly agentUid: number;
  readonly exchangeUid: number;
  readonly gid: number;
  readonly sliceUidFirst: number;
  readonly sliceUidLast: number;
}

const idsPerNode = 100_000;
const idsFirst = 100_000_000;
const nodesMax = 20_000;

/** A range that two clusters on one machine hardly share: chosen by the instance, so that it stays the same. */
export function idRange(instance: string, index: number): IdRange {
  const slot = (Number.parseInt(instance.slice(0, 8), 16) + index) % nodesMax;
  const first = idsFirst + slot * idsPerNode;
  return {
    agentUid: first,
    exchangeUid: first + 1,
    gid: first,
    sliceUidFirst: first + 1000,
    sliceUidLast: first + idsPerNode - 1,
  };
}

/** Where things lie in the folder. */
export interface RuntimeFolder {
  readonly path: string;
  /** Seen by slices as /runtime: node and runi-slice. */
  readonly slices: string;
  readonly node: string;
  readonly agent: string;
  readonly exchange: string;
  readonly init: string;
}

/** The folder's place; nothing is made. */
export function runtimeFolder(instance: string): RuntimeFolder {
  const path = `/run/runink-${instance}`;
  const slices = join(path, 'runtime');
  return {
    path,
    slices,
    node: join(slices, 'node'),
    agent: join(path, 'programs', 'runi-agent'),
    exchange: join(path, 'programs', 'runi-exchange'),
    init: join(path, 'programs', 'runi-init'),
  };
}

/** Makes the folder anew with copies of the programs in `distDir`. Errors: CommandError naming what is missing. */
export function makeRuntime(folder: RuntimeFolder, distDir: string): void {
  removeRuntime(folder.path);
  makeFolder(folder.path);
  if (isNoExec('/run'))
    command('mount', ['-t', 'tmpfs', '-o', 'nosuid,nodev,mode=0755,size=512m', 'runink', folder.path]);
  makeFolder(folder.slices);
  makeFolder(join(folder.path, 'programs'));
  placeNode(realpathSync(process.execPath), folder.node);
  place(join(distDir, 'libexec', 'runi-slice'), join(folder.slices, 'runi-slice'));
  place(join(distDir, 'bin', 'runi-agent'), folder.agent);
  place(join(distDir, 'libexec', 'runi-exchange'), folder.exchange);
  place(join(distDir, 'libexec', 'runi-init'), folder.init);
  place(join(distDir, 'libexec', 'runi-helper'), join(folder.path, 'programs', 'runi-helper'));
}

/** Makes a node's folder: its kubeconfig, readable by the agent alone, and a place for its state. */
export function makeNodeFolder(folder: RuntimeFolder, node: string, kubeconfig: string, ids: IdRange) {
  const path = join(folder.path, node);
  const state = join(path, 'state');
  makeFolder(path);
  makeFolder(state);
  const copy = join(path, 'kubeconfig');
  writeFileSync(copy, readFileSync(kubeconfig), { mode: 0o400 });
  chownSync(copy, ids.agentUid, ids.gid);
  return { path, state, kubeconfig: copy };
}

/** Removes the folder and what is mounted on it; harmless when there is none. */
export function removeRuntime(path: string): void {
  for (const point of mountPoints()
    .filter((mount) => mount === path || mount.startsWith(`${path}/`))
    .reverse())
    command('umount', ['-l', point]);
  rmSync(path, { recursive: true, force: true });
}

function makeFolder(path: string): void {
  mkdirSync(path, { recursive: true });
  chmodSync(path, 0o755);
}

// A link to the machine's own node costs neither time nor memory (/run is memory on most machines); it will do if nobody
// but root can change it. A symbolic one only into what slices see too: /usr without /usr/local.
function placeNode(from: string, to: string): void {
  const { uid, mode } = statSync(from);
  if (uid === 0 && (mode & 0o022) === 0 && (mode & 0o555) === 0o555)
    try {
      linkSync(from, to);
      return;
    } catch {
      // Another file system.
      if (from.startsWith('/usr/') && !from.startsWith('/usr/local/')) return symlinkSync(from, to);
    }
  place(from, to);
}

function place(from: string, to: string): void {
  try {
    copyFileSync(from, to, constants.COPYFILE_FICLONE);
    chownSync(to, 0, 0);
    chmodSync(to, 0o755);
  } catch (cause) {
    const what = cause instanceof Error ? cause.message : String(cause);
    throw new CommandError(
      `${basename(to)} cannot be put into ${to}: ${what}. Is everything built ("npm run build")?`,
      { cause },
    );
  }
}

function mountPoints(): string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .flatMap((line) => line.split(' ')[4] ?? [])
    .map((point) =>
      point.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))),
    );
}

function isNoExec(path: string): boolean {
  const lines = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  const mount = lines.map((line) => line.split(' ')).find((fields) => fields[4] === path);
  return mount?.[5]?.split(',').includes('noexec') === true;
}

function command(program: string, args: readonly string[]): void {
  const { status, stderr, error } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new CommandError(`${program} ${args.join(' ')}: ${error?.message ?? stderr.trim()}`);
}
