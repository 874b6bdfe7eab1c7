// Linux's processes as /proc tells them. A pid is only trusted together with its start time: pids are used again.
import { readdirSync, readFileSync } from 'node:fs';

/** A living process, as /proc shows it. */
export interface ProcessInfo {
  readonly pid: number;
  readonly parentPid: number;
  /** Clock ticks after boot; with the pid it names one process for good. */
  readonly startTicks: number;
  readonly argv: readonly string[];
}

/** The process, or undefined when there is none (a zombie counts as none). */
export function processInfo(pid: number): ProcessInfo | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name in parentheses may hold anything; fields are counted after its end.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
    const argv = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1);
    return { pid, parentPid: Number(fields[1]), startTicks: Number(fields[19]), argv };
  } catch {
    return undefined;
  }
}

/** Whether that very process still lives. */
export function isAlive(pid: number, startTicks: number): boolean {
  return processInfo(pid)?.startTicks === startTicks;
}

/** All processes below `pid`, parents before children. */
export function descendants(pid: number): ProcessInfo[] {
  const children = new Map<number, ProcessInfo[]>();
  for (const name of readdirSync('/proc')) {
    const info = /^\d+$/.test(name) ? processInfo(Number(name)) : undefined;
    if (info !== undefined) children.set(info.parentPid, [...(children.get(info.parentPid) ?? []), info]);
  }
  const found: ProcessInfo[] = [];
  const visit = (parent: number): void => {
    for (const child of children.get(parent) ?? []) {
      found.push(child);
      visit(child.pid);
    }
  };
  visit(pid);
  return found;
}

/** Sends a signal to that very process; false if it is gone. */
export function signalProcess(pid: number, startTicks: number, signal: NodeJS.Signals): boolean {
  if (!isAlive(pid, startTicks)) return false;
  try {
    process.kill(pid, signal);
    return true;
  } catch {
    return false;
  }
}

const programs = ['runi-helper', 'runi-agent', 'runi-exchange', 'runi-init', 'runi-slice'];

/** What a process of an agent's is for, by the program it runs; `slice` for what a user's step started. */
export function roleOf(argv: readonly string[]): string {
  const head = argv.slice(0, 3).map((word) => word.split('/').at(-1) ?? '');
  const program = programs.find((name) => head.includes(name));
  return program === undefined ? 'slice' : program.slice('runi-'.length);
}
