// One store that is opened, written to and killed again and again, each time in a new process, and checked by the next.
import { type Random, systemClock } from '../../../../base/index.ts';
import type { VictimKind } from './victim.ts';
import { Victim } from './victim-process.ts';
import { check, type Found, type Known, nothingKnown, type Said, writerCount } from './workload.ts';

/** What was done and seen. */
export interface Tally {
  /** Processes killed after their first acknowledgement, and those killed before it. */
  killsWriting: number;
  killsStarting: number;
  /** Lives whose store was held against what was known. */
  checks: number;
  /** Transactions that were acknowledged, all of which were looked for. */
  acknowledged: number;
  /** Kills while at least one transaction had no answer yet. */
  killsInFlight: number;
  /** Such transactions, by what became of them. */
  unansweredKept: number;
  unansweredLost: number;
  /** Starts that found the last write to the log unfinished. */
  torn: number;
}

/** Where the store is and how it is killed. */
export interface LaneOptions {
  readonly kind: VictimKind;
  readonly directory: string;
  readonly program: string;
  /** Kills of a process that writes. */
  readonly kills: number;
  readonly random: Random;
  readonly tally: Tally;
}

const killAfterMsMax = 100;
/** Every so many lives are killed while they start, or shortly after. */
const startingEvery = 8;
/** For those who wait for thousands. */
const tellEvery = 500;
const tornMessage = 'a write to the log was not finished; it was cut off';

/** A tally as it is printed. */
export function textOf(tally: Tally): string {
  const { killsWriting, killsInFlight, killsStarting, unansweredKept, unansweredLost } = tally;
  return [
    `${killsWriting} kills while it wrote, ${killsInFlight} of them with transactions unanswered`,
    `(${unansweredKept} of these kept, ${unansweredLost} not), ${killsStarting} kills while it started;`,
    `${tally.acknowledged} acknowledged transactions, all there in ${tally.checks} checks;`,
    `${tally.torn} torn writes cut off`,
  ].join(' ');
}

/** An empty tally. */
export function emptyTally(): Tally {
  return {
    ...{ killsWriting: 0, killsStarting: 0, checks: 0, acknowledged: 0 },
    ...{ killsInFlight: 0, unansweredKept: 0, unansweredLost: 0, torn: 0 },
  };
}

/** Kills until there were enough kills, then looks once more; adds to the tally. Throws at the first thing that is wrong. */
export async function killAgainAndAgain(options: LaneOptions): Promise<void> {
  const { kind, kills, random, tally } = options;
  let known: readonly Known[] = Array.from({ length: writerCount }, () => nothingKnown);
  let killed = 0;
  let startedMs = 0;
  for (let life = 1; ; life++) {
    const what = `${kind}, life ${life}`;
    const victim = new Victim(options, what);
    const isEarly = startedMs > 0 && life % startingEvery === 0 && killed < kills;
    if (!isEarly) {
      const spawnedMs = systemClock.monotonicMs();
      await victim.answered();
      startedMs = systemClock.monotonicMs() - spawnedMs;
    }
    const said = await victim.killAfter(random.next() * (isEarly ? startedMs * 1.5 : killAfterMsMax));
    const found = said.find((one) => one.say === 'found')?.found;
    if (found !== undefined) known = look(found, known, what, tally);
    known = learn(said, known, tally);
    tally.torn += said.filter((one) => one.say === 'warned' && one.message === tornMessage).length;
    if (!said.some((one) => one.say === 'acknowledged')) {
      tally.killsStarting++;
      continue;
    }
    // The last life is there to look at what the one before left.
    if (killed === kills) return;
    killed++;
    tally.killsWriting++;
    if (tally.killsWriting % tellEvery === 0) console.log(`      ${textOf(tally)}`);
    if (known.some(({ number, submitted }) => submitted > number)) tally.killsInFlight++;
  }
}

function look(found: Found, before: readonly Known[], what: string, tally: Tally): readonly Known[] {
  const known = check(found, before, what);
  tally.checks++;
  for (const [writer, { number, submitted }] of before.entries()) {
    if (submitted <= number) continue;
    if ((known[writer]?.number ?? 0) > number) tally.unansweredKept++;
    else tally.unansweredLost++;
  }
  return known;
}

/** What is known after a life said this. */
export function learn(said: readonly Said[], before: readonly Known[], tally: Tally): readonly Known[] {
  const known = [...before];
  for (const one of said) {
    if (one.say !== 'acknowledged' && one.say !== 'submitted') continue;
    const last = known[one.writer] ?? nothingKnown;
    if (one.say === 'submitted') known[one.writer] = { ...last, submitted: one.number };
    else {
      known[one.writer] = { number: one.number, revision: one.revision, submitted: one.number };
      tally.acknowledged++;
    }
  }
  return known;
}
