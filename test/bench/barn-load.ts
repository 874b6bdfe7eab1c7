// Runs the compiled generator (barn-load.c and its parts) against a side.
import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { cpuSeconds, type Side } from './barn-sides.ts';

/** What to do how often. */
export interface Load {
  readonly verb: 'put' | 'get' | 'range' | 'fill' | 'watch';
  readonly clients: number;
  readonly seconds: number;
  readonly valueBytes?: number;
  readonly keys?: number;
  readonly timeoutMs?: number;
}

/** What came of it. */
export interface Outcome {
  readonly done: number;
  readonly perSecond: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly gapMs: number;
  readonly failed: number;
  /** CPU microseconds of all the side's servers an answer, and of the generator. */
  readonly serverUs: number;
  readonly generatorUs: number;
}

const parts = ['barn-load.c', 'barn-samples.c', 'barn-framed.c', 'barn-grpc.c'];

/** Compiles the generator into a fresh folder, which is the caller's to remove. */
export function compileLoad(): { readonly program: string; readonly folder: string } {
  const folder = mkdtempSync(join(tmpdir(), 'runink-load-'));
  const program = join(folder, 'barn-load');
  const sources = parts.map((part) => resolve(import.meta.dirname, '../../../test/bench', part));
  execFileSync('cc', ['-O2', '-std=c11', '-Wall', '-Wextra', '-Werror', '-o', program, ...sources]);
  return { program, folder };
}

/** One run. It warms up for a fifth of the time, which does not count. */
export async function run(program: string, side: Side, load: Load): Promise<Outcome> {
  const { verb, clients, seconds, valueBytes = 256, keys = 10_000, timeoutMs = 20_000 } = load;
  const numbers = [clients, seconds, valueBytes, keys, timeoutMs].map(String);
  const { pids } = side;
  const before = cpuSeconds(pids);
  const text = await output(program, [side.protocol, verb, ...numbers, side.endpoints]);
  const told: Omit<Outcome, 'serverUs' | 'generatorUs'> & { answers: number; cpuSeconds: number } = JSON.parse(text);
  if (told.answers === 0) throw new Error(`barn-load ${verb} against ${side.protocol} did nothing: ${text}`);
  // Those that a member's death took away cannot be asked any more.
  const used = verb === 'put' && timeoutMs < 1_000 ? Number.NaN : cpuSeconds(pids) - before;
  return { ...told, serverUs: (used * 1e6) / told.answers, generatorUs: (told.cpuSeconds * 1e6) / told.answers };
}

/** The same run against one side and the other in turn, so that what else the machine does meets both. */
export async function alternate(
  program: string,
  [one, other]: readonly [Side, Side],
  load: Load,
  times: number,
): Promise<readonly [readonly Outcome[], readonly Outcome[]]> {
  const outcomes: readonly [Outcome[], Outcome[]] = [[], []];
  for (let round = 0; round < times; round++) {
    outcomes[0].push(await run(program, one, load));
    outcomes[1].push(await run(program, other, load));
  }
  return outcomes;
}

function output(program: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(program, args, { timeout: 120_000 }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`barn-load ${args.join(' ')}: ${stderr}`, { cause: error }));
    });
  });
}
