// npm run sim -- [--seed N [--trace]] [--from N] [--count N | --seconds N] [--theme NAME] [--keep]: runs one seed, or many.
// --keep writes seeds that failed to test/sim/seeds.json, which CI runs first.
import { parseArgs } from 'node:util';
import { themeNamed } from './character.ts';
import { runSeed } from './run.ts';
import { keepSeed, missingOf, runSeeds, tellFailure, tellHappenings, tellTally } from './seeds.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    trace: { type: 'boolean', default: false },
    from: { type: 'string' },
    count: { type: 'string' },
    seconds: { type: 'string', default: '60' },
    theme: { type: 'string' },
    hints: { type: 'string', default: '' },
    'until-caught': { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
  },
});

const theme = themeNamed(values.theme);
if (values.theme !== undefined && theme === undefined)
  throw new Error(`--theme ${values.theme}: there is no such theme`);

const print = (line: string): void => void process.stdout.write(`${line}\n`);

async function one(seed: number): Promise<boolean> {
  const result = await runSeed(seed, { theme, ...(values.trace && { print }) });
  if (result.violation !== undefined && !values.trace) for (const line of result.tail.slice(-40)) print(line);
  print(tellFailure(result));
  if (values.keep) keepSeed(result);
  return result.violation === undefined;
}

async function many(first: number): Promise<boolean> {
  const endMs = Date.now() + 1000 * Number(values.seconds);
  const countMax = values.count === undefined ? Number.POSITIVE_INFINITY : Number(values.count);
  let told = 0;
  const tally = await runSeeds(
    first,
    ({ runs, failed }) => {
      for (const result of failed.slice(told)) {
        print(tellFailure(result));
        if (values.keep) keepSeed(result);
      }
      told = failed.length;
      return runs >= countMax || (values.count === undefined && Date.now() >= endMs);
    },
    { theme },
  );
  print(`from seed ${first}: ${tellTally(tally)}\n${tellHappenings(tally)}`);
  const missing = missingOf(tally);
  if (missing.length > 0) print(`never: ${missing.join(', ')}`);
  return tally.failed.length === 0;
}

/** Seeds until one fails, those of `--hints` first; one line of JSON says which, for mutants.ts. */
async function untilCaught(first: number): Promise<boolean> {
  const endMs = Date.now() + 1000 * Number(values.seconds);
  const hints = values.hints.split(',').filter(Boolean).map(Number);
  let seeds = 0;
  for (; seeds < hints.length || Date.now() < endMs; seeds++) {
    const seed = hints[seeds] ?? first + seeds - hints.length;
    const { violation } = await runSeed(seed, { theme });
    if (violation === undefined) continue;
    const { rule, what, step } = violation;
    print(JSON.stringify({ kind: 'caught', seed, step, rule, what, seeds: seeds + 1 }));
    return true;
  }
  print(JSON.stringify({ kind: 'survived', seeds }));
  return false;
}

const fresh = Math.floor(Date.now() % 2 ** 31);
const from = Number(values.from ?? fresh);
const held = values['until-caught']
  ? await untilCaught(from)
  : values.seed === undefined
    ? await many(from)
    : await one(Number(values.seed));
process.exitCode = held ? 0 : 1;
