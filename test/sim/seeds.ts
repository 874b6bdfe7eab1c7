// Runs many seeds, tells what came of them, and keeps those that failed.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { type Happening, happenings } from './happenings.ts';
import { type RunResult, runSeed } from './run.ts';
import type { RunOptions } from './world.ts';

/**
 * A seed that failed once, and what was wrong: it is run first, as long as it is the same run. When the generator changes the
 * list begins anew: what was found has tests and mutants of its own by then.
 */
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
  revisions: number;
  batches: number;
  readonly happenings: Map<Happening, number>;
  readonly failed: RunResult[];
}

/** Seeds from `first` on until `isOver`. */
export async function runSeeds(
  first: number,
  isOver: (tally: Tally) => boolean,
  options: RunOptions = {},
): Promise<Tally> {
  const tally: Tally = {
    runs: 0,
    steps: 0,
    virtualMs: 0,
    calls: 0,
    acknowledged: 0,
    revisions: 0,
    batches: 0,
    happenings: new Map(),
    failed: [],
  };
  for (let seed = first; !isOver(tally); seed++) {
    const result = await runSeed(seed, options);
    tally.runs++;
    tally.steps += result.steps;
    tally.virtualMs += result.virtualMs;
    for (const of of ['calls', 'acknowledged', 'revisions', 'batches'] as const) tally[of] += result.counts[of];
    for (const [what, count] of result.counts.happenings)
      tally.happenings.set(what, (tally.happenings.get(what) ?? 0) + count);
    if (result.violation !== undefined) tally.failed.push(result);
  }
  return tally;
}

/** What can happen and did not. */
export function missingOf({ happenings: seen }: Tally): readonly Happening[] {
  return happenings.filter((what) => !seen.has(what));
}

/** How a failure is told: what was broken, when, and how to see it again. */
export function tellFailure({ seed, violation }: RunResult): string {
  if (violation === undefined) return `seed ${seed}: ok`;
  const { rule, what, step, atMs } = violation;
  return `seed ${seed}, step ${step} (${atMs} ms): ${rule}: ${what}\n  again: npm run sim -- --seed ${seed} [--trace]`;
}

/** One line of totals. */
export function tellTally({ runs, failed, steps, virtualMs, calls, acknowledged, revisions, batches }: Tally): string {
  return `${runs} seeds, ${failed.length} failed: ${steps} steps in ${Math.round(virtualMs / 1000)} s of virtual time, ${calls} calls (${acknowledged} answered), ${revisions} revisions, ${batches} watch batches`;
}

/** How often everything happened that can, a line for each group. */
export function tellHappenings(tally: Tally): string {
  const groups = new Map<string, string[]>();
  for (const what of happenings) {
    const [group = '', name = ''] = /^(nemesis: |died at )/.test(what)
      ? what.split(/(?<=nemesis:|died at) /)
      : ['seen:', what];
    const told = `${name} ${tally.happenings.get(what) ?? 0}`;
    groups.set(group, [...(groups.get(group) ?? []), told]);
  }
  return [...groups].map(([group, told]) => `${group} ${told.join(', ')}`).join('\n');
}
