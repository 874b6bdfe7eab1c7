import type { Clock, Random } from '../../base/index.ts';
import { BarnError, type Member, type Replacement } from '../barn.ts';
import type { ConfChange, MemberId } from '../raft/protocol.ts';
import type { MemberRecord, StateMachine } from '../state/machine.ts';
import { encodeMemberRecord } from '../state/member-record.ts';
import type { Asks } from './asks.ts';
import type { MemberTimers } from './member.ts';
import { randomId } from './member-id.ts';

interface Awaited {
  readonly isThere: () => boolean;
  readonly resolve: () => void;
  readonly reject: (error: BarnError) => void;
  readonly untilMs: number;
}

/** Changes of who belongs to the group: asked of the leader, and done when this member's own state shows them. */
export class Membership {
  readonly #machine: StateMachine;
  readonly #asks: Asks;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #timers: MemberTimers;
  #awaited: Awaited[] = [];

  constructor(options: {
    readonly machine: StateMachine;
    readonly asks: Asks;
    readonly clock: Clock;
    readonly random: Random;
    readonly timers: MemberTimers;
  }) {
    this.#machine = options.machine;
    this.#asks = options.asks;
    this.#clock = options.clock;
    this.#random = options.random;
    this.#timers = options.timers;
  }

  /** As the state knows them now. */
  list(): readonly Member[] {
    const { voters } = this.#machine.applied.confState;
    return this.#machine.members.map(({ id, name, peerUrl, clientUrl }) => ({
      id,
      name,
      peerUrl,
      clientUrl: clientUrl ?? '',
      voter: voters.includes(id),
    }));
  }

  async addLearner(name: string, peerUrl: string): Promise<Member> {
    const taken = this.#machine.members.find((member) => member.name === name || member.peerUrl === peerUrl);
    if (taken !== undefined)
      throw new BarnError('Membership', `add member ${name}: ${taken.name} at ${taken.peerUrl} is a member already`);
    const record: MemberRecord = { id: randomId(this.#random), name, peerUrl, format: 0 };
    await this.#change(
      [{ type: 'ConfChangeAddLearnerNode', id: record.id }],
      record,
      () => this.#find(record.id) !== undefined,
    );
    return this.#member(record.id);
  }

  async promote(id: MemberId): Promise<Member> {
    const member = this.#member(id);
    if (member.voter) throw new BarnError('Membership', `promote ${member.name}: it is a voter already`);
    await this.#change([{ type: 'ConfChangeAddNode', id }], undefined, () => this.#find(id)?.voter === true);
    return this.#member(id);
  }

  async replace(replacements: readonly Replacement[]): Promise<void> {
    const olds = replacements.map(({ old }) => this.#member(old));
    const news = replacements.map(({ by }) => this.#member(by));
    const learner = olds.find(({ voter }) => !voter);
    if (learner !== undefined)
      throw new BarnError('Membership', `replace ${learner.name}: it does not vote, remove it`);
    const voter = news.find((member) => member.voter);
    if (voter !== undefined)
      throw new BarnError('Membership', `replace a member by ${voter.name}: it is a voter already, add a new one`);
    if (replacements.length === 0 || new Set([...olds, ...news].map(({ id }) => id)).size < 2 * replacements.length)
      throw new BarnError('Membership', 'replace members: name each old and each new one once');
    const changes = replacements.flatMap(({ old, by }): ConfChange['changes'] => [
      { type: 'ConfChangeAddNode', id: by },
      { type: 'ConfChangeRemoveNode', id: old },
    ]);
    await this.#change(changes, undefined, () =>
      replacements.every(({ old, by }) => this.#find(old) === undefined && this.#find(by)?.voter === true),
    );
  }

  async remove(id: MemberId): Promise<void> {
    this.#member(id);
    await this.#change([{ type: 'ConfChangeRemoveNode', id }], undefined, () => this.#find(id) === undefined);
  }

  /** Puts a newer record of a member into the book. */
  async update(record: MemberRecord): Promise<void> {
    await this.#change([{ type: 'ConfChangeUpdateNode', id: record.id }], record, () =>
      this.#machine.members.some(
        ({ id, clientUrl, format }) => id === record.id && clientUrl === record.clientUrl && format === record.format,
      ),
    );
  }

  /** A change of the configuration was applied: answers who waited for it. */
  changed(): void {
    const there = this.#awaited.filter(({ isThere }) => isThere());
    this.#awaited = this.#awaited.filter((awaited) => !there.includes(awaited));
    for (const { resolve } of there) resolve();
  }

  expire(nowMs: number): void {
    this.#giveUp(
      ({ untilMs }) => untilMs <= nowMs,
      new BarnError('Unknown', 'the change of the members was not seen in time: list them to see what came of it'),
    );
  }

  end(error: BarnError): void {
    this.#giveUp(() => true, error);
  }

  async #change(
    changes: ConfChange['changes'],
    record: MemberRecord | undefined,
    isThere: () => boolean,
  ): Promise<void> {
    const untilMs = this.#clock.monotonicMs() + this.#timers.requestMs;
    const change: ConfChange = {
      transition: 'auto',
      changes,
      ...(record !== undefined && { context: encodeMemberRecord(record) }),
    };
    await this.#asks.ask({ kind: 'change', change }, untilMs);
    if (isThere()) return;
    await new Promise<void>((resolve, reject) => this.#awaited.push({ isThere, resolve, reject, untilMs }));
  }

  #giveUp(which: (awaited: Awaited) => boolean, error: BarnError): void {
    const given = this.#awaited.filter(which);
    this.#awaited = this.#awaited.filter((awaited) => !given.includes(awaited));
    for (const { reject } of given) reject(error);
  }

  #find(id: MemberId): Member | undefined {
    return this.list().find((member) => member.id === id);
  }

  #member(id: MemberId): Member {
    const member = this.#find(id);
    if (member === undefined) throw new BarnError('Membership', `there is no member ${id.toString(16)}`);
    return member;
  }
}
