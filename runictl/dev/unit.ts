// One program that dev keeps running: started, watched for its ready line, started again when it dies.
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, renameSync, statSync, writeSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { type Clock, exitOnStdinEofVariable, type Timer } from '../../base/index.ts';
import { CommandError } from '../failure.ts';
import { isRecord } from '../values.ts';
import { descendants, processInfo, signalProcess } from './processes.ts';
import type { DevProcess } from './state.ts';

/** One process that dev keeps alive. */
export interface UnitPlan {
  readonly role: DevProcess['role'];
  readonly name: string;
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Written to descriptor 3, then closed. */
  readonly config?: string;
  readonly log: string;
}

const backoffMsMin = 200;
const backoffMsMax = 10_000;
const settledMs = 10_000;
const readyMsMax = 30_000;
const stopMsMax = 8_000;
const logBytesMax = 16 * 1024 * 1024;
const lineBytesMax = 64 * 1024;

/** A unit of dev. Every start hands back what the program said when it was ready. */
export class Unit {
  readonly plan: UnitPlan;
  private readonly clock: Clock;
  private readonly isRestarted: boolean;
  private readonly changed: () => void;
  private child: ChildProcess | undefined;
  private startTicks = 0;
  private startedMs = 0;
  private failures = 0;
  private restarts = 0;
  private url: string | undefined;
  private timer: Timer | undefined;
  private isStopping = false;

  /** `changed` is told after every start and end. */
  constructor(
    plan: UnitPlan,
    options: { readonly clock: Clock; readonly restart: boolean; readonly changed: () => void },
  ) {
    this.plan = plan;
    this.clock = options.clock;
    this.isRestarted = options.restart;
    this.changed = options.changed;
  }

  /** What runs now; undefined between an end and the next start. */
  get process(): DevProcess | undefined {
    if (this.child?.pid === undefined) return undefined;
    return {
      role: this.plan.role,
      name: this.plan.name,
      pid: this.child.pid,
      startTicks: this.startTicks,
      argv: this.plan.argv,
      ...(this.url === undefined ? {} : { url: this.url }),
      restarts: this.restarts,
      log: this.plan.log,
    };
  }

  /** Starts it for the first time and waits for its ready line. Errors: CommandError with the last words of its log. */
  async start(): Promise<Readonly<Record<string, unknown>>> {
    const logFrom = sizeOf(this.plan.log);
    let timer: Timer | undefined;
    try {
      return await new Promise((resolve, reject) => {
        timer = this.clock.after(readyMsMax, () => reject(new Error(`was not ready after ${readyMsMax / 1000} s`)));
        this.launch(resolve, (how) => reject(new Error(`ended before it was ready (${how})`)));
      });
    } catch (cause) {
      const words = await lastWords(this.plan.log, logFrom);
      throw new CommandError(
        `${this.plan.name} ${cause instanceof Error ? cause.message : String(cause)}.${words === '' ? '' : ` Its last words:\n${words}`}\nThe whole log: ${this.plan.log}`,
        { cause },
      );
    } finally {
      timer?.cancel();
    }
  }

  private launch(ready: (line: Readonly<Record<string, unknown>>) => void, ended: (how: string) => void): void {
    if (sizeOf(this.plan.log) > logBytesMax) renameSync(this.plan.log, `${this.plan.log}.1`);
    const log = openSync(this.plan.log, 'a', 0o600);
    const [program = '', ...args] = this.plan.argv;
    const child = spawn(program, args, {
      // A group of its own: a Ctrl-C at the terminal reaches dev alone, which ends things in order.
      detached: true,
      cwd: '/',
      env: { ...this.plan.env, [exitOnStdinEofVariable]: '1' },
      stdio: ['pipe', 'pipe', log, this.plan.config === undefined ? 'ignore' : 'pipe'],
    });
    this.child = child;
    this.startedMs = this.clock.monotonicMs();
    this.startTicks = child.pid === undefined ? 0 : (processInfo(child.pid)?.startTicks ?? 0);
    for (const stream of child.stdio) stream?.on('error', () => undefined);
    const config = child.stdio[3];
    if (this.plan.config !== undefined && config !== null && config !== undefined && 'end' in config)
      config.end(this.plan.config);
    readLines(child.stdout, log, (line) => {
      if (line['ready'] !== true) return;
      if (typeof line['url'] === 'string') this.url = line['url'];
      this.changed();
      ready(line);
    });
    let isOver = false;
    const over = (how: string): void => {
      if (isOver) return;
      isOver = true;
      closeSync(log);
      this.child = undefined;
      this.changed();
      ended(how);
      if (!this.isStopping && this.isRestarted) this.scheduleRestart();
    };
    child.once('error', (cause) => over(cause.message));
    child.once('close', (code, signal) => over(signal ?? `exit code ${code ?? 'unknown'}`));
    this.changed();
  }

  private scheduleRestart(): void {
    this.failures = this.clock.monotonicMs() - this.startedMs > settledMs ? 0 : this.failures + 1;
    const delayMs = Math.min(backoffMsMax, backoffMsMin * 2 ** Math.max(0, this.failures - 1));
    this.timer = this.clock.after(delayMs, () => {
      this.restarts++;
      this.launch(
        () => undefined,
        () => undefined,
      );
    });
  }

  /** Ends it: asks, then kills it and what it started. Resolves when it is gone. */
  async stop(): Promise<void> {
    this.isStopping = true;
    this.timer?.cancel();
    const child = this.child;
    if (child?.pid === undefined) return;
    const { pid } = child;
    const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
    const below = descendants(pid);
    child.kill('SIGTERM');
    child.stdin?.end();
    const timer = this.clock.after(stopMsMax, () => {
      for (const process of [...below, ...descendants(pid)]) signalProcess(process.pid, process.startTicks, 'SIGKILL');
      child.kill('SIGKILL');
    });
    await ended;
    timer.cancel();
    for (const process of below) signalProcess(process.pid, process.startTicks, 'SIGKILL');
  }
}

/** Copies stdout to the log and hands over each line that is a JSON object. */
function readLines(
  stdout: Readable | null,
  log: number,
  take: (line: Readonly<Record<string, unknown>>) => void,
): void {
  let rest = '';
  stdout?.setEncoding('utf8').on('data', (text: string) => {
    try {
      writeSync(log, text);
    } catch {
      // The log is closed or the disk is full: the program goes on.
    }
    const lines = (rest + text).split('\n');
    rest = (lines.pop() ?? '').slice(-lineBytesMax);
    for (const line of lines) {
      const value = parse(line);
      if (isRecord(value)) take(value);
    }
  });
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function sizeOf(file: string): number {
  try {
    return statSync(file).size;
  } catch {
    return 0;
  }
}

async function lastWords(file: string, from: number): Promise<string> {
  const { readFile } = await import('node:fs/promises');
  const bytes = await readFile(file).catch(() => Buffer.alloc(0));
  const lines = bytes.subarray(from).toString('utf8').trimEnd().split('\n');
  // Stack frames would push out what was said.
  return lines
    .filter((line) => !/^\s+at /.test(line))
    .slice(-12)
    .join('\n');
}
