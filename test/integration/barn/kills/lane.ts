// One store that is opened, written to and killed again and again, each time in a new process, and checked by the next.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { execPath } from 'node:process';
import { present, type Random, sleep, systemClock } from '../../../../base/index.ts';
import type { VictimKind } from './victim.ts';
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
const answerMsMax = 240_000;
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

function learn(said: readonly Said[], before: readonly Known[], tally: Tally): readonly Known[] {
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

class Victim {
  readonly #what: string;
  readonly #saidFile: string;
  readonly #child: ChildProcess;
  readonly #closed: Promise<unknown>;
  readonly #answered: Promise<unknown>;
  #stderr = '';

  constructor({ program, directory, kind }: LaneOptions, what: string) {
    this.#what = what;
    this.#saidFile = `${directory}.said`;
    const stdout = openSync(this.#saidFile, 'w');
    this.#child = spawn(execPath, [program, directory, kind], { stdio: ['pipe', stdout, 'pipe', 'pipe'] });
    closeSync(stdout);
    this.#closed = once(this.#child, 'close');
    this.#answered = once(present(this.#child.stdio[3], 'descriptor 3'), 'data');
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-10_000);
    });
  }

  /** Resolves when it has its first answer, or has ended. Throws when neither comes in time. */
  async answered(): Promise<void> {
    const late = Symbol('late');
    const abort = new AbortController();
    const waiting = sleep(systemClock, answerMsMax, abort.signal).then(() => late);
    const first = await Promise.race([this.#answered, this.#closed, waiting]);
    abort.abort();
    if (first !== late) return;
    this.#child.kill('SIGKILL');
    await this.#closed;
    throw this.#fault(`no write was answered in ${answerMsMax} ms`);
  }

  /** Kills it so much later. Resolves with all it said; throws when it had ended by itself. */
  async killAfter(delayMs: number): Promise<readonly Said[]> {
    await sleep(systemClock, delayMs);
    this.#child.kill('SIGKILL');
    await this.#closed;
    if (this.#child.signalCode !== 'SIGKILL') throw this.#fault('the victim ended by itself');
    return this.#said();
  }

  /** A line that is cut off was not said: its write never returned. */
  #said(): readonly Said[] {
    const lines = readFileSync(this.#saidFile, 'utf8').split('\n').slice(0, -1);
    return lines.map((line) => JSON.parse(line) as Said);
  }

  #fault(fault: string): Error {
    const { exitCode, signalCode } = this.#child;
    const words = this.#stderr === '' ? 'without a word' : `and said:\n${this.#stderr}`;
    const last = JSON.stringify(this.#said().slice(-3));
    return new Error(`${this.#what}: ${fault}: code ${exitCode}, signal ${signalCode}, after ${last}, ${words}`);
  }
}
