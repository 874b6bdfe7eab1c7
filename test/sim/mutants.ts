// Proves the simulator: each patch in mutants/ breaks one thing in a scratch copy of the compiled tree, and seeds are run over
// it until an invariant sees it. A mutant that lives through its budget, and a patch that no longer applies, are failures.
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { patchedCopy } from '../support/patched-copy.ts';

/** One patch with what its head says. */
export interface Mutant {
  readonly name: string;
  /** What is broken. */
  readonly what: string;
  /** The invariants that may see it. */
  readonly rules: readonly string[];
  /** What the runs over it are about; empty: each seed chooses. */
  readonly theme: string;
  /** Seeds that saw it before; fresh ones follow. */
  readonly hints: readonly number[];
  readonly file: string;
}

/** What came of a mutant. */
export type Verdict =
  | {
      readonly kind: 'caught';
      readonly seed: number;
      readonly step: number;
      readonly rule: string;
      readonly what: string;
      readonly seeds: number;
    }
  | { readonly kind: 'survived'; readonly seeds: number }
  | { readonly kind: 'broken'; readonly why: string };

const header = (text: string, name: string): string => new RegExp(`^${name}: (.*)$`, 'm').exec(text)?.[1] ?? '';

/** All mutants of a folder. */
export function readMutants(folder: string): readonly Mutant[] {
  const files = readdirSync(folder)
    .filter((name) => name.endsWith('.patch'))
    .sort();
  return files.map((name) => {
    const file = resolve(folder, name);
    const text = readFileSync(file, 'utf8');
    return {
      name: basename(name, '.patch'),
      what: text.slice(0, text.indexOf('\n')),
      rules: header(text, 'Seen by').split(', '),
      theme: header(text, 'Theme'),
      hints: header(text, 'Hints').split(' ').filter(Boolean).map(Number),
      file,
    };
  });
}

/** Makes the mutant in a folder of its own and runs seeds over it, the hints first, for at most `secondsMax`. */
export async function tryMutant(root: string, mutant: Mutant, secondsMax: number): Promise<Verdict> {
  const scratch = mkdtempSync(join(tmpdir(), 'runink-mutant-'));
  try {
    await patchedCopy({ root, scratch, rooms: ['base', 'barn', 'test/sim'], patch: mutant.file });
    return await run(scratch, mutant, secondsMax);
  } catch (cause) {
    return { kind: 'broken', why: cause instanceof Error ? cause.message : String(cause) };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** In a process of its own: a mutant may do anything. */
function run(scratch: string, { hints, theme }: Mutant, secondsMax: number): Promise<Verdict> {
  const args = ['--hints', hints.join(','), '--from', '1', '--seconds', String(secondsMax), '--until-caught'];
  if (theme !== '') args.push('--theme', theme);
  const child = spawn(process.execPath, [join(scratch, 'dist/test/sim/main.js'), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  const limit = setTimeout(() => child.kill('SIGKILL'), 1000 * (secondsMax + 60));
  return new Promise((resolve) => {
    child.once('close', (code, signal) => {
      clearTimeout(limit);
      const last = out.trim().split('\n').at(-1) ?? '';
      try {
        resolve(JSON.parse(last) as Verdict);
      } catch {
        resolve({ kind: 'broken', why: `the run ended (${signal ?? code}) and said: ${last}` });
      }
    });
  });
}

/** One line of a report. */
export function tellVerdict({ name }: Mutant, verdict: Verdict): string {
  switch (verdict.kind) {
    case 'caught':
      return `${name}: seed ${verdict.seed}, step ${verdict.step}, ${verdict.rule} (${verdict.seeds} seeds): ${verdict.what.slice(0, 160)}`;
    case 'survived':
      return `${name}: survived ${verdict.seeds} seeds`;
    default:
      return `${name}: cannot be tried: ${verdict.why}`;
  }
}
