// One seed, from the founding of a group to the verdict: chaos, then everything is healed and must come together again.
import { Client } from './client.ts';
import { makeRoom } from './faults.ts';
import { Group } from './group.ts';
import { guardRealWorld, realRequests } from './guard.ts';
import type { Happening } from './happenings.ts';
import { runKeyKeeper } from './keys.ts';
import { linearize } from './linearizability.ts';
import type { SimMember } from './member.ts';
import { runNemesis, runOperator, runSupervisor } from './nemesis.ts';
import type { Violation } from './violations.ts';
import { Watcher } from './watcher.ts';
import { attempt, makeClients, ranges, runClient } from './workload.ts';
import { type RunOptions, World } from './world.ts';

/** What came of a seed. */
export interface RunResult {
  readonly seed: number;
  readonly violation: Violation | undefined;
  readonly steps: number;
  readonly virtualMs: number;
  readonly traceHash: number;
  /** The end of the trace, for a failure. */
  readonly tail: readonly string[];
  readonly counts: RunCounts;
}

/** How much happened: a run in which nothing does proves nothing. */
export interface RunCounts {
  readonly members: number;
  readonly calls: number;
  readonly acknowledged: number;
  readonly unknown: number;
  readonly revisions: number;
  readonly entries: number;
  readonly terms: number;
  readonly batches: number;
  readonly streams: number;
  readonly happenings: ReadonlyMap<Happening, number>;
}

/** After the healing a group has so long to come together; virtual milliseconds. */
const healingMsMax = 60_000;

/** Runs a seed. Equal seeds run equally, step by step. */
export async function runSeed(seed: number, options: RunOptions = {}): Promise<RunResult> {
  const world = new World(seed, options);
  const unguard = guardRealWorld((what) => world.violations.add('nothing real is used', what));
  try {
    return await new Run(world).run(world.character.chaosMs);
  } finally {
    unguard();
  }
}

class Run {
  readonly #world: World;
  readonly #group: Group;
  readonly #clients: readonly Client[];
  readonly #watchers: readonly Watcher[];
  #phase: 'chaos' | 'healing' | 'quiet' | 'over' = 'chaos';

  constructor(world: World) {
    this.#world = world;
    this.#group = new Group(world);
    const lives = () => this.#group.lives;
    this.#clients = makeClients(world, lives);
    this.#watchers = Array.from(
      { length: world.character.watchers },
      (_, index) => new Watcher(new Client(`w${index + 1}`, world, lives), world.chance.pick(ranges)),
    );
  }

  async run(chaosMs: number): Promise<RunResult> {
    const { loop, violations } = this.#world;
    const isBroken = (): boolean => violations.first !== undefined;
    const isOver = (): boolean => this.#phase === 'over';
    for (const member of this.#group.members) void member.start();
    for (const client of this.#clients) void runClient(client, () => this.#phase === 'quiet' || isOver());
    for (const watcher of this.#watchers) void watcher.run(isOver);
    void runNemesis(this.#group, () => this.#phase !== 'chaos');
    void runSupervisor(this.#group, isOver);
    void runKeyKeeper(this.#group, isOver);
    if (this.#world.character.repairs) void runOperator(this.#group, () => this.#phase !== 'chaos');
    await loop.runUntil(chaosMs, isBroken);

    this.#phase = 'healing';
    let isHealed = false;
    void this.#heal().then(() => (isHealed = true));
    await loop.runUntil(chaosMs + healingMsMax, () => isBroken() || isHealed);
    if (!isHealed && !isBroken())
      violations.add('converges', `not healed after ${healingMsMax} ms: ${this.#standing()}`);
    this.#judge();
    const result = this.#result();
    for (const member of this.#group.members) member.crash('the end');
    return result;
  }

  /** Takes all faults back, replaces who was damaged, and waits until everybody agrees. */
  async #heal(): Promise<void> {
    const { loop, network } = this.#world;
    this.#world.trace('healing');
    this.#world.isChaos = false;
    this.#world.onNextGrant = undefined;
    this.#world.onNextAsk = undefined;
    this.#world.onNextJoint = undefined;
    this.#world.onLeader = undefined;
    network.healAll();
    Object.assign(network.quality, { delayMsMean: 0.5, loss: 0, repeat: 0, mix: 0, snapshotBreak: 0 });
    for (const member of this.#group.members) {
      const { process, volume } = member;
      process?.disarm();
      if (process !== undefined) process.stoppedUntilMs = 0;
      Object.assign(volume.faults, { slowness: 1, failNext: false, misdirectNext: false });
      await makeRoom(this.#group, member);
      if (member.fate === 'damaged') member.crash('to look at its disk');
    }
    while (this.#group.isChanging) await loop.delay(50, 'a change of the members ends');
    this.#group.isChanging = true;
    for (;;) {
      await loop.delay(100, 'healing');
      await this.#group.disarm();
      await this.#group.leaveJoint();
      await this.#settleMembers();
      const { current, members } = this.#group;
      // One whose removal got no answer may be gone: the next look at the list tells.
      const isSettled = members.every(({ removal }) => removal !== 'asked');
      if (isSettled && current.every(({ isUp }) => isUp) && (await this.#write())) break;
    }
    for (const member of this.#group.members) member.process?.disarm();
    await loop.delay(500, 'clients go on');
    this.#phase = 'quiet';
    await loop.delay(1_600, 'clients end');
    while (!this.#isTogether() || !this.#watchers.every(({ isComplete }) => isComplete))
      await loop.delay(20, 'coming together');
    await this.#readEverywhere();
    this.#phase = 'over';
  }

  /** Members that refuse are replaced, and what became of those that were to be taken out is settled. */
  async #settleMembers(): Promise<void> {
    const group = this.#group;
    const listed = await group.list();
    if (listed === undefined) return;
    for (const member of group.members) {
      if (member.removal === 'asked' && listed.every(({ id }) => id !== member.id)) member.removal = 'done';
      if (member.removal === 'asked' && (await this.#isNeverAlone(member))) await group.remove(member, 3);
      if (member.removal === 'no' && member.hasRefused) await group.replace(member, 3);
    }
    for (const { id } of listed)
      if (group.members.every((member) => member.id !== id))
        await attempt(group.operator, ({ barn }) => barn.remove(id));
  }

  /** Whether someone else votes: who was to be replaced by a learner, and was not, may be the last voter, and nobody can remove that one. */
  async #isNeverAlone(member: SimMember): Promise<boolean> {
    const group = this.#group;
    const listed = await group.list();
    if (listed === undefined) return false;
    if (listed.some(({ id, voter }) => voter && id !== member.id)) return true;
    for (const learner of group.learners) if (await group.promote(learner, 3)) return true;
    return false;
  }

  async #write(): Promise<boolean> {
    const client = this.#clients[0];
    if (client === undefined) return false;
    const answer = await client.txn([], [{ do: 'put', key: 'healed', value: client.value() }]);
    return answer.kind === 'txn';
  }

  #isTogether(): boolean {
    const { current } = this.#group;
    return current.every(
      ({ life }) => life !== undefined && life.machine.applied.index === this.#world.truth.lastIndex,
    );
  }

  /** Every member must give the same now. */
  async #readEverywhere(): Promise<void> {
    for (const { life, name } of this.#group.current) {
      if (life === undefined) continue;
      const client = new Client(`final ${name}`, this.#world, () => [life]);
      await client.range('', '\x7f');
      await client.range('', '\x7f', { serializable: true });
    }
  }

  #judge(): void {
    const { violations, truth, history } = this.#world;
    if (violations.first !== undefined) return;
    for (const { life } of this.#group.current) {
      if (life === undefined) continue;
      truth.stands(life.process.name, life.machine);
      truth.isWhole(life.process.name, life.machine);
    }
    const found = linearize(history.calls, (revision) => truth.eventsOf(revision));
    if ('rule' in found) violations.add(found.rule, found.what);
    const real = realRequests();
    if (real.length > 0) violations.add('nothing real is used', `under way at the end: ${real.join(' ')}`);
  }

  #standing(): string {
    const { lastIndex, revision } = this.#world.truth;
    const members = this.#group.current.map(
      ({ name, life, hasRefused, removal }) =>
        `${name} ${life === undefined ? (hasRefused ? 'has refused' : 'is down') : `is at ${life.machine.applied.index}`}${removal === 'no' ? '' : ` (removal ${removal})`}`,
    );
    const watchers = this.#watchers.filter(({ isComplete }) => !isComplete).length;
    return `committed ${lastIndex} (revision ${revision}), ${members.join(', ')}, ${watchers} watchers behind`;
  }

  #result(): RunResult {
    const { seed, loop, violations, traceHash, tail, history, truth, wire, counts } = this.#world;
    const answers = history.calls.map(({ answer }) => answer.kind);
    const sum = (of: 'batches' | 'streams'): number =>
      this.#watchers.reduce((total, { counts }) => total + counts[of], 0);
    return {
      seed,
      violation: violations.first,
      steps: loop.steps,
      virtualMs: Math.round(loop.nowMs),
      traceHash,
      tail: tail.slice(-400),
      counts: {
        members: this.#group.members.length,
        calls: answers.length,
        acknowledged: answers.filter((kind) => kind !== 'unknown' && kind !== 'refused').length,
        unknown: answers.filter((kind) => kind === 'unknown').length,
        revisions: truth.revision,
        entries: truth.lastIndex,
        terms: wire.newestLeader?.term ?? 0,
        batches: sum('batches'),
        streams: sum('streams'),
        happenings: counts,
      },
    };
  }
}
