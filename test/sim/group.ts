// The members of a run, and what their operator does with them.
import type { BarnAlarm, Member } from '../../barn/index.ts';
import type { ConfChange } from '../../barn/raft/protocol.ts';
import { Client } from './client.ts';
import { type Life, recordOf, SimMember } from './member.ts';
import { urlOf } from './network.ts';
import { attempt } from './workload.ts';
import type { World } from './world.ts';

const clusterId = 7;
/** The number of an ask whose answer nobody waits for. */
const unawaitedAsk = 2 ** 40;

/** Founders, those who came later and those who left. */
export class Group {
  readonly world: World;
  readonly members: SimMember[] = [];
  readonly operator: Client;
  /** One change of the members at a time; operators who do more are told to wait by the group itself. */
  isChanging = false;
  #named = 0;

  constructor(world: World) {
    this.world = world;
    this.operator = new Client('operator', world, () => this.lives);
    const ids = world.chance.shuffle([3, 7, 20, 111, 500, 900, 2 ** 40 + 1]);
    const initial = Array.from({ length: world.character.members }, (_, index) =>
      recordOf(ids[index] ?? 0, this.#nextName()),
    );
    for (const { id, name } of initial)
      this.members.push(new SimMember(world, { id, name, initial, state: 'new', clusterId }));
  }

  get lives(): readonly Life[] {
    return this.members.flatMap(({ life }) => (life === undefined ? [] : [life]));
  }

  /** Who belongs to the group, as far as the operator knows. */
  get current(): readonly SimMember[] {
    return this.members.filter(({ removal }) => removal !== 'done');
  }

  get voters(): readonly SimMember[] {
    return this.current.filter(({ isVoter }) => isVoter);
  }

  /** Those who surely follow without a vote. */
  get learners(): readonly SimMember[] {
    return this.current.filter(({ isVoter, removal }) => !isVoter && removal === 'no');
  }

  /** The one that was seen to lead last. */
  get leader(): SimMember | undefined {
    return this.members.find(({ id }) => id === this.world.wire.newestLeader?.id);
  }

  /**
   * Whether a disk may be damaged: only as many as Raft can do without, one; and only when everybody goes by the newest
   * configuration, since who did not hear of its commit needs the votes of the one before.
   */
  get mayDamage(): boolean {
    const { current, world } = this;
    const { configurationIndex } = world.truth;
    return (
      this.voters.length >= 3 &&
      current.every(
        ({ fate, hasRefused, life, removal }) =>
          fate !== 'damaged' &&
          !hasRefused &&
          life !== undefined &&
          life.machine.applied.index >= configurationIndex &&
          removal === 'no',
      )
    );
  }

  /** What the group says of its members; undefined when nobody answers. */
  async list(): Promise<readonly Member[] | undefined> {
    let members: readonly Member[] | undefined;
    await attempt(this.operator, async ({ barn }) => {
      members = await barn.members();
    });
    return members;
  }

  /** Adds a member as a learner and starts it; undefined when it was not to be had. */
  async add(): Promise<SimMember | undefined> {
    const name = this.#nextName();
    await attempt(this.operator, ({ barn }) => barn.addLearner(name, urlOf(name)));
    const members = await this.#until((listed) => listed !== undefined, 5);
    const added = members?.find((member) => member.name === name);
    if (members === undefined || added === undefined) return undefined;
    const initial = members.map((member) => recordOf(member.id, member.name));
    const member = new SimMember(this.world, { id: added.id, name, initial, state: 'existing', clusterId });
    this.members.push(member);
    void member.start();
    this.world.count('learner added');
    return member;
  }

  /** Tries for a while to make a learner a voter. */
  async promote(learner: SimMember, tries: number): Promise<boolean> {
    const { id } = learner;
    for (let count = 0; count < tries && !learner.isVoter; count++) {
      learner.isVoter = await attempt(this.operator, ({ barn }) => barn.promote(id));
      const listed = learner.isVoter ? undefined : await this.list();
      if (listed?.some((member) => member.id === id && member.voter) === true) learner.isVoter = true;
      if (learner.isVoter) break;
      await this.world.loop.delay(200, 'the operator waits to promote');
    }
    if (learner.isVoter) this.world.count('learner promoted');
    return learner.isVoter;
  }

  /** Takes a member out; it may be told, and end, at any time from here on. False: it is not known to be out. */
  async remove(member: SimMember, tries: number): Promise<boolean> {
    member.removal = 'asked';
    for (let count = 0; count < tries; count++) {
      await attempt(this.operator, ({ barn }) => barn.remove(member.id));
      const listed = await this.list();
      if (listed !== undefined && listed.every(({ id }) => id !== member.id)) {
        member.removal = 'done';
        this.world.count('member removed');
        if (this.world.chance.happens(0.5)) member.crash('after its removal');
        return true;
      }
      await this.world.loop.delay(200, 'the operator waits to remove');
    }
    return false;
  }

  /** As a member whose disk is lost is replaced: taken out, and another one added in its place. */
  async replace(member: SimMember, tries: number): Promise<boolean> {
    if (!(await this.remove(member, tries))) return false;
    member.crash('replaced');
    for (let count = 0; count < tries; count++) {
      const added = await this.add();
      if (added === undefined) continue;
      this.world.count('member replaced');
      return this.promote(added, tries);
    }
    return false;
  }

  /** Lets new members vote in the place of these, in one step: joint consensus, left by itself or when it is asked to. */
  async swap(olds: readonly SimMember[], tries: number): Promise<boolean> {
    const pairs: { readonly old: SimMember; readonly by: SimMember }[] = [];
    for (const old of olds) {
      const by = await this.add();
      if (by === undefined) return false;
      pairs.push({ old, by });
    }
    for (const { old } of pairs) old.removal = 'asked';
    const ids = pairs.map(({ old, by }) => ({ old: old.id, by: by.id }));
    this.world.isExplicit = this.world.chance.happens(0.5);
    for (let count = 0; count < tries; count++) {
      await attempt(this.operator, ({ barn }) => barn.replace(ids));
      await this.leaveJoint();
      const listed = await this.list();
      if (listed !== undefined && olds.every(({ id }) => listed.every((member) => member.id !== id))) {
        for (const { old, by } of pairs) {
          old.removal = 'done';
          by.isVoter = true;
          if (this.world.chance.happens(0.5)) old.crash('after it was replaced');
        }
        this.world.count('members replaced in one step');
        return true;
      }
      await this.world.loop.delay(200, 'the operator waits to replace');
    }
    return false;
  }

  /** Asks to leave a joint configuration that is not left by itself. */
  async leaveJoint(): Promise<void> {
    const { configuration } = this.world.truth;
    if (configuration === undefined || configuration.votersOutgoing.length === 0 || configuration.autoLeave) return;
    const up = this.current.filter(({ isUp }) => isUp);
    if (up.length === 0) return;
    const change: ConfChange = { transition: 'auto', changes: [] };
    this.world.chance.pick(up).tellConsensus?.({ asks: [{ id: unawaitedAsk, ask: { kind: 'change', change } }] });
    await this.world.loop.delay(100, 'the operator leaves a joint configuration');
  }

  /** Takes back all alarms whose cause is gone. */
  async disarm(): Promise<void> {
    const alarms: BarnAlarm[] = [];
    await attempt(this.operator, async ({ barn }) => void alarms.push(...(await barn.status()).alarms));
    for (const alarm of alarms) await attempt(this.operator, ({ barn }) => barn.disarm(alarm));
  }

  async #until(
    isGood: (members: readonly Member[] | undefined) => boolean,
    tries: number,
  ): Promise<readonly Member[] | undefined> {
    for (let count = 0; count < tries; count++) {
      const listed = await this.list();
      if (isGood(listed)) return listed;
      await this.world.loop.delay(200, 'the operator asks again');
    }
    return undefined;
  }

  #nextName(): string {
    return `m${++this.#named}`;
  }
}
