// Finding and ending what a slot started, without cgroups: the process group, and whatever carries the slot's mark in its
// environment (a child that made a session of its own keeps the environment it inherited).
import { readdirSync, readFileSync } from 'node:fs';
import { type Clock, sleep } from '../../base/index.ts';

/** The variable that marks every process of a slot; its value is the slot's folder. */
export const slotMark = 'RUNINK_SLOT';
const roundsMax = 100;
const roundMs = 10;

/** A process that cannot be mistaken for a later one of the same id. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks since boot at which it started (proc(5), field 22 of stat). */
  readonly startTicks: string;
}

/** Who `pid` is now; undefined when it has ended (a zombie has). */
export function identityOf(pid: number): ProcessIdentity | undefined {
  const stat = readText(`/proc/${pid}/stat`);
  // The name, in parentheses, may hold spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const startTicks = fields[19];
  if (startTicks === undefined || fields[0] === 'Z' || fields[0] === 'X') return undefined;
  return { pid, startTicks };
}

/**
 * Kills the group led by `leader` (if it still is that process) and all that carry a mark that begins with `markPrefix`.
 * Resolves when none is left, or after a second.
 */
export async function killMarked(clock: Clock, markPrefix: string, leader?: number): Promise<void> {
  if (leader !== undefined) killQuietly(-leader);
  for (let round = 0; round < roundsMax; round++) {
    const found = marked(markPrefix);
    if (found.length === 0) return;
    for (const pid of found) killQuietly(pid);
    await sleep(clock, roundMs);
  }
}

/** Ids of living processes whose mark begins with `prefix`. */
export function marked(prefix: string): number[] {
  const wanted = `${slotMark}=${prefix}`;
  return readdirSync('/proc')
    .filter((name) => /^[0-9]+$/.test(name))
    .map(Number)
    .filter((pid) => pid !== process.pid && carries(pid, wanted) && identityOf(pid) !== undefined);
}

function carries(pid: number, wanted: string): boolean {
  const environment = readText(`/proc/${pid}/environ`);
  return environment.startsWith(wanted) || environment.includes(`\0${wanted}`);
}

/** SIGKILL to a process, or with a negative id to its group; one that is gone is no error. */
export function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended by itself.
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
