// Who a process is, in a word that tells others on the same machine whether it still lives.
import { readFile, readlink } from 'node:fs/promises';
import { hostname } from 'node:os';

/** Reads from /proc; a parameter so that tests can say what lives. */
export interface ProcFiles {
  readText(path: string): Promise<string>;
  readLink(path: string): Promise<string>;
}

/** The machine's /proc. */
export const systemProc: ProcFiles = {
  readText: (path) => readFile(path, 'utf8'),
  readLink: (path) => readlink(path),
};

/**
 * `HOST_BOOT_PIDSPACE_PID_STARTED`: no two processes ever have the same. Host and boot say which machine and which life
 * of it, the pid space in which its number counts, the start time tells it from a later process with the same number.
 */
export async function processIdentity(pid: number, proc: ProcFiles = systemProc, host = hostname()): Promise<string> {
  return `${await placeOf(proc, host)}_${pid}_${await startedOf(pid, proc)}`;
}

/** Whether the process behind `identity` is known to have ended: it was of this machine, boot and pid space, and is not there. */
export async function isProcessGone(
  identity: string,
  proc: ProcFiles = systemProc,
  host = hostname(),
): Promise<boolean> {
  const place = await placeOf(proc, host);
  const [pid, started, ...more] = identity.startsWith(`${place}_`) ? identity.slice(place.length + 1).split('_') : [];
  if (pid === undefined || started === undefined || more.length > 0) return false;
  return (await startedOf(Number(pid), proc).catch(() => 'gone')) !== started;
}

async function placeOf(proc: ProcFiles, host: string): Promise<string> {
  const boot = (await proc.readText('/proc/sys/kernel/random/boot_id')).slice(0, 8);
  const space = /\[(\d+)\]/.exec(await proc.readLink('/proc/self/ns/pid'))?.[1] ?? '';
  return `${host}_${boot}_${space}`;
}

/** Field 22 of /proc/PID/stat, clock ticks after boot; the name in field 2 may hold spaces and parentheses (proc(5)). */
async function startedOf(pid: number, proc: ProcFiles): Promise<string> {
  const stat = await proc.readText(`/proc/${pid}/stat`);
  const [state = '', ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  if (state === 'Z' || state === 'X') throw new Error(`process ${pid} has ended`);
  return fields[18] ?? '';
}
