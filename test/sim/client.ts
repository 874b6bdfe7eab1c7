// A client of the simulated group: asks one member at a time, turns to another when that one fails, and writes down what it saw.
import {
  BarnError,
  type BarnReason,
  type Compare,
  type Key,
  type KeyValue,
  type Operation,
  type ReplicatedBarn,
} from '../../barn/index.ts';
import type { Chance } from './chance.ts';
import type { Answer, Request } from './history.ts';
import { hasChanged } from './history.ts';
import type { Life } from './member.ts';
import { sameKeyValues } from './model.ts';
import type { World } from './world.ts';

/** Longer than any member lets a caller wait. */
const patienceMs = 5_000;

/** After these a write certainly did not and will not happen. */
const refusals: readonly BarnReason[] = [
  'NoLeader',
  'Overloaded',
  'NoSpace',
  'Compacted',
  'FutureRevision',
  'DuplicateKey',
  'InvalidKey',
  'TooLarge',
  'Membership',
];

/** What a call to a member came to, when that is not its answer. */
export class Lost extends Error {}

/** `work` of a life of a member; rejects with Lost when it dies before the answer is out, or takes too long. */
export function askOf<T>(world: World, life: Life, work: Promise<T>, withinMs = patienceMs): Promise<T> {
  return new Promise((resolve, reject) => {
    const lose = (why: string) => (): void => reject(new Lost(why));
    if (!life.process.alive) {
      work.catch(() => {});
      return reject(new Lost('the member had died'));
    }
    life.process.onDeath(lose('the member died'));
    const timer =
      withinMs === Number.POSITIVE_INFINITY
        ? undefined
        : world.loop.schedule(withinMs, `patience with ${life.process.name}`, lose('no answer in time'));
    work.then(
      (value) => {
        timer?.cancel();
        if (life.process.alive) resolve(value);
      },
      (error: unknown) => {
        timer?.cancel();
        if (life.process.alive) reject(error instanceof Error ? error : new Error(String(error)));
      },
    );
  });
}

/** One client with one call at a time. */
export class Client {
  readonly name: string;
  readonly world: World;
  readonly chance: Chance;
  readonly #lives: () => readonly Life[];
  #life: Life | undefined;
  #values = 0;
  /** The last it saw of each key: what its compares are built on. */
  readonly #seen = new Map<Key, KeyValue | undefined>();

  constructor(name: string, world: World, lives: () => readonly Life[]) {
    this.name = name;
    this.world = world;
    this.chance = world.chance.fork();
    this.#lives = lives;
  }

  /** A value that nobody else writes. */
  value(): Uint8Array {
    const text = `${this.name}.${++this.#values}`;
    return new Uint8Array(Buffer.from(text.padEnd(this.chance.pick(this.world.character.valueBytes), '.')));
  }

  lastSeen(key: Key): KeyValue | undefined {
    return this.#seen.get(key);
  }

  /** The member it talks to; another than before when that one is gone. Undefined: nobody is there. */
  life(): Life | undefined {
    const lives = this.#lives();
    if (this.#life === undefined || !lives.includes(this.#life) || this.chance.happens(0.03))
      this.#life = lives.length === 0 ? undefined : this.chance.pick(lives);
    return this.#life;
  }

  /** Next time somebody else. */
  turnAway(): void {
    this.#life = undefined;
  }

  txn(
    compares: readonly Compare[],
    success: readonly Operation[],
    failure: readonly Operation[] = [],
  ): Promise<Answer> {
    return this.#call({ kind: 'txn', compares, success, failure }, async (barn) => ({
      kind: 'txn',
      result: await barn.txn(compares, success, failure),
    }));
  }

  range(
    start: Key,
    end: Key | undefined,
    options: { readonly revision?: number; readonly serializable?: boolean } = {},
  ): Promise<Answer> {
    const request: Request = {
      kind: 'range',
      start,
      end,
      revision: options.revision ?? 0,
      serializable: options.serializable ?? false,
    };
    return this.#call(request, async (barn) => ({ kind: 'range', result: await barn.range(start, end, options) }));
  }

  readIndex(): Promise<Answer> {
    return this.#call({ kind: 'readIndex' }, async (barn) => ({ kind: 'readIndex', revision: await barn.readIndex() }));
  }

  async #call(request: Request, ask: (barn: ReplicatedBarn) => Promise<Answer>): Promise<Answer> {
    const life = this.life();
    if (life === undefined) return { kind: 'refused', reason: 'Closed' };
    const call = this.world.history.begin(this.name, request);
    let answer: Answer;
    try {
      answer = await askOf(
        this.world,
        life,
        this.#reach(life).then(() => ask(life.barn)),
      );
    } catch (error) {
      answer =
        error instanceof BarnError && (refusals.includes(error.reason) || request.kind !== 'txn')
          ? { kind: 'refused', reason: error.reason }
          : { kind: 'unknown' };
      if (!(error instanceof BarnError || error instanceof Lost))
        this.world.violations.add('no error is lost', `${this.name}: ${String(error)}`);
      if (!(error instanceof BarnError && ['Compacted', 'FutureRevision'].includes(error.reason))) this.turnAway();
    }
    this.world.history.end(call, answer);
    if (answer.kind === 'unknown') this.world.count('write unknown');
    if (answer.kind === 'range' && request.kind === 'range' && request.revision > 0)
      this.world.count('read at an old revision');
    this.#learn(request, answer);
    return answer;
  }

  /** A request takes its time, and a member that stands still does not hear it. */
  #reach({ process }: Life): Promise<void> {
    return this.world.loop.delay(this.chance.around(0.3), `${this.name} asks ${process.name}`, process);
  }

  #learn(request: Request, answer: Answer): void {
    if (answer.kind === 'range') for (const kv of answer.result.items) this.#seen.set(kv.key, kv);
    if (answer.kind !== 'txn') return;
    for (const kv of answer.result.results) if (kv !== undefined) this.#seen.set(kv.key, kv);
    if (!hasChanged(request, answer.result)) return;
    // Nobody is told of a write before the group has it.
    const { revision, results } = answer.result;
    const events = this.world.truth.eventsOf(revision) ?? [];
    const puts = events.filter(({ type }) => type === 'put').map(({ kv }) => kv);
    const told = results.filter((kv) => kv?.modRevision === revision);
    if (
      events.length === 0 ||
      !sameKeyValues(
        told,
        puts.filter(({ key }) => told.some((kv) => kv?.key === key)),
      )
    )
      this.world.violations.add(
        'acknowledged means applied',
        `${this.name} was told of revision ${revision}, which is something else`,
      );
  }
}
