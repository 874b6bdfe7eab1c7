// Runs many seeds, tells what came of them, and keeps those that failed.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { type RunOptions, type RunResult, runSeed } from './run.ts';

/** A seed that failed once, and what was wrong: it is run first, for ever. */
export interface KeptSeed {
  readonly seed: number;
  readonly why: string;
}

/** Where they are kept, from the top of the tree. */
export const seedsFile = 'test/sim/seeds.json';

export function keptSeeds(file = seedsFile): readonly KeptSeed[] {
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as readonly KeptSeed[]) : [];
}

/** Adds a failed seed, unless it is there. */
export function keepSeed({ seed, violation }: RunResult, file = seedsFile): void {
  const kept = keptSeeds(file);
  if (violation === undefined || kept.some((one) => one.seed === seed)) return;
  writeFileSync(file, `${JSON.stringify([...kept, { seed, why: violation.rule }], null, 2)}\n`);
}

/** What many runs came to. */
export interface Tally {
  runs: number;
  steps: number;
  virtualMs: number;
  calls: number;
  acknowledged: number;
  unknown: number;
  revisions: number;
  batches: number;
  readonly points: Set<string>;
  readonly failed: RunResult[];
}

/** Seeds from `first` on until `isOver`, or the first failure when `isStrict`. */
export async function runSeeds(
  first: number,
  isOver: (tally: Tally) => boolean,
  options: RunOptions & { readonly isStrict?: boolean } = {},
): Promise<Tally> {
  const tally: Tally = {
    runs: 0,
    steps: 0,
    virtualMs: 0,
    calls: 0,
    acknowledged: 0,
    unknown: 0,
    revisions: 0,
    batches: 0,
    points: new Set(),
    failed: [],
  };
  for (let seed = first; !isOver(tally); seed++) {
    const result = await runSeed(seed, options);
    tally.runs++;
    tally.steps += result.steps;
    tally.virtualMs += result.virtualMs;
    for (const of of ['calls', 'acknowledged', 'unknown', 'revisions', 'batches'] as const)
      tally[of] += result.counts[of];
    for (const point of result.counts.points.keys()) tally.points.add(point);
    if (result.violation !== undefined) tally.failed.push(result);
    if (result.violation !== undefined && options.isStrict === true) break;
  }
  return tally;
}

/** How a failure is told: what was broken, when, and how to see it again. */
export function tellFailure({ seed, violation }: RunResult): string {
  if (violation === undefined) return `seed ${seed}: ok`;
  const { rule, what, step, atMs } = violation;
  return `seed ${seed}, step ${step} (${atMs} ms): ${rule}: ${what}\n  again: npm run sim -- --seed ${seed} [--trace]`;
}

export function tellTally({
  runs,
  steps,
  virtualMs,
  calls,
  acknowledged,
  unknown,
  revisions,
  batches,
  points,
  failed,
}: Tally): string {
  return `${runs} seeds, ${failed.length} failed: ${steps} steps in ${Math.round(virtualMs / 1000)} s of virtual time, ${calls} calls (${acknowledged} answered, ${unknown} unknown), ${revisions} revisions, ${batches} watch batches, ${points.size} crash points passed`;
}
