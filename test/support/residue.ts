// What a cluster could leave on a machine. Taken before and after a run and compared, it is the check that tests,
// quickstart and `runictl dev` clean up.

import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

/** Everything of ours that can be seen on this machine, each thing as one line of text. */
export interface Residue {
  /** `pid name: argv`, for processes that run a program of ours. */
  readonly processes: ReadonlySet<string>;
  /** Mount points of this process's mount namespace. */
  readonly mounts: ReadonlySet<string>;
  /** Our directories in every cgroup hierarchy, v1 and v2. */
  readonly cgroups: ReadonlySet<string>;
  /** Network namespaces, as the kernel names them, and the entries of /run/netns. */
  readonly networks: ReadonlySet<string>;
  /** Users and groups of /etc/passwd and /etc/group. */
  readonly users: ReadonlySet<string>;
  /** Entries of /run that are ours. */
  readonly runFolders: ReadonlySet<string>;
}

const programs =
  /^(runink-apiserver|runink-controllers|runi-agent|runictl|runi-helper|runi-init|runi-exchange|runi-slice)$/;
// A host has far fewer; past it the tree is not one to walk in a test.
const cgroupsMax = 20_000;

/** Looks at the machine through /proc and /sys/fs/cgroup; what vanishes while looking does not count. */
export function takeResidue(): Residue {
  return {
    processes: new Set(processes()),
    mounts: new Set(mounts().map((mount) => `${mount.point} (${mount.type})`)),
    cgroups: new Set(cgroups()),
    networks: new Set([...networkNamespaces(), ...entries('/run/netns').map((name) => `/run/netns/${name}`)]),
    users: new Set([...names('/etc/passwd', 'user'), ...names('/etc/group', 'group')]),
    runFolders: new Set(
      entries('/run')
        .filter((name) => name.startsWith('runink'))
        .map((name) => `/run/${name}`),
    ),
  };
}

/** One line for each thing that `after` has and `before` had not; empty when all was cleaned up. */
export function compareResidue(before: Residue, after: Residue): string[] {
  return [
    ...added('process', before.processes, after.processes),
    ...added('mount', before.mounts, after.mounts),
    ...added('cgroup', before.cgroups, after.cgroups),
    ...added('network namespace', before.networks, after.networks),
    ...added('account', before.users, after.users),
    ...added('folder', before.runFolders, after.runFolders),
  ];
}

/**
 * Compares until nothing is left or the deadline passes: a killed process takes a moment to go.
 * @returns what was left at the end.
 */
export async function waitForNoResidue(before: Residue, deadlineMs: number): Promise<string[]> {
  const end = Date.now() + deadlineMs;
  for (;;) {
    const left = compareResidue(before, takeResidue());
    if (left.length === 0 || Date.now() >= end) return left;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

function added(what: string, before: ReadonlySet<string>, after: ReadonlySet<string>): string[] {
  return [...after].filter((line) => !before.has(line)).map((line) => `${what} left behind: ${line}`);
}

function processes(): string[] {
  const found: string[] = [];
  for (const pid of pids()) {
    const argv = read(`/proc/${pid}/cmdline`).split('\0').filter(Boolean);
    const name = read(`/proc/${pid}/comm`).trim();
    // The program is the executable itself, or the script of a node or shell in front of it.
    const isOurs = programs.test(name) || argv.slice(0, 3).some((word) => programs.test(word.split('/').at(-1) ?? ''));
    if (isOurs) found.push(`${pid} ${name}: ${argv.join(' ').slice(0, 200)}`);
  }
  return found;
}

interface Mount {
  readonly point: string;
  readonly type: string;
}

function mounts(): Mount[] {
  return read('/proc/self/mountinfo')
    .split('\n')
    .filter(Boolean)
    .map((line) => {
      const words = line.split(' ');
      return { point: words[4] ?? '', type: words[words.indexOf('-') + 1] ?? '' };
    });
}

/** The directories of all hierarchies; a co-mounted one (cpu,cpuacct) is met once for each of its mount points. */
function cgroups(): string[] {
  const found: string[] = [];
  const tops = mounts().filter((mount) => mount.type === 'cgroup' || mount.type === 'cgroup2');
  const queue = tops.map((mount) => mount.point);
  let seen = 0;
  for (let folder = queue.pop(); folder !== undefined && seen < cgroupsMax; folder = queue.pop()) {
    for (const name of entries(folder, 'folders')) {
      const path = join(folder, name);
      queue.push(path);
      seen++;
      if (path.includes('runink')) found.push(path);
    }
  }
  return found;
}

function networkNamespaces(): Set<string> {
  const found = new Set<string>();
  for (const pid of pids()) {
    try {
      found.add(readlinkSync(`/proc/${pid}/ns/net`));
    } catch {
      // The process ended, or is not ours to look at.
    }
  }
  return found;
}

function names(file: string, what: string): string[] {
  return read(file)
    .split('\n')
    .filter(Boolean)
    .map((line) => `${what} ${line.slice(0, line.indexOf(':'))}`);
}

const pids = (): string[] => entries('/proc').filter((name) => /^\d+$/.test(name));

function entries(folder: string, which: 'all' | 'folders' = 'all'): string[] {
  try {
    const found = readdirSync(folder, { withFileTypes: true });
    return found.filter((entry) => which === 'all' || entry.isDirectory()).map((entry) => entry.name);
  } catch {
    return [];
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
