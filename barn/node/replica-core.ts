import { type Clock, type Log, present, type Timer } from '../../base/index.ts';
import { BarnError, type MemberCounts, type TxnResult } from '../barn.ts';
import { checkNeeded, type StoreKeys } from '../keys.ts';
import type { MemberId, Snapshot } from '../raft/protocol.ts';
import type { Command, CommittedEntry, Origin, StateMachine } from '../state/machine.ts';
import type { PeerCredentials } from '../transport/credentials.ts';
import { Asks } from './asks.ts';
import { Caretaker } from './caretaker.ts';
import { type DiskLook, DiskRoom } from './disk-room.ts';
import { Leadership } from './leadership.ts';
import type { MemberIdentity, MemberTimers, ReplicaParts } from './member.ts';
import { randomId } from './member-id.ts';
import { Membership } from './membership.ts';
import { Outbox } from './outbox.ts';
import { unpackEntries } from './packing.ts';
import {
  type Failure,
  type PackedEntries,
  replicaSide,
  type Side,
  type Standing,
  type ToConsensus,
  type ToReplica,
} from './port.ts';
import { Proposals } from './proposals.ts';
import { Reads } from './reads.ts';
import { StateStreams } from './state-streams.ts';

type OwnCommand = Extract<Command, { readonly origin: Origin }>;

/** What moves in the state side: takes in what the consensus side says, and ends when something fails. */
export class ReplicaCore {
  readonly membership: Membership;
  readonly #identity: MemberIdentity;
  readonly #machine: StateMachine;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #timers: MemberTimers;
  readonly #onFailed: (error: BarnError) => void;
  readonly #side: Side<ToConsensus, ToReplica>;
  readonly #outbox: Outbox;
  readonly #proposals: Proposals;
  readonly #reads: Reads;
  readonly #asks: Asks;
  readonly #leadership: Leadership;
  readonly #disk: DiskRoom | undefined;
  readonly #caretaker: Caretaker;
  readonly #streams: StateStreams;
  #timer: Timer | undefined;
  #term = 0;
  #committed = 0;
  #logBytes = 0;
  #standing: Standing | undefined;
  #formatTold: number;
  #wasMember: boolean;
  #ended: BarnError | undefined;
  #closing: Promise<void> | undefined;
  #onSettled: (() => void) | undefined;
  #onClosed: (() => void) | undefined;
  #consensusEnded = false;
  #isOver = false;

  constructor(parts: ReplicaParts) {
    const { identity, machine, clock, random, timers, limits } = parts;
    this.#identity = identity;
    this.#machine = machine;
    this.#clock = clock;
    this.#log = parts.log;
    this.#timers = timers;
    this.#onFailed = parts.onFailed;
    this.#side = replicaSide(parts.port);
    this.#proposals = new Proposals(randomId(random), limits, () => machine.format);
    this.#reads = new Reads(timers.electionMs / 2);
    this.#outbox = new Outbox({
      side: this.#side,
      atTurnEnd: parts.atTurnEnd,
      late: () => ({
        proposals: this.#proposals.take(),
        read: this.#reads.take(clock.monotonicMs()),
        format: this.#formatNews(),
      }),
    });
    this.#asks = new Asks(this.#outbox);
    this.#leadership = new Leadership(timers.leaderlessMs, clock.monotonicMs());
    this.membership = new Membership({ machine, asks: this.#asks, clock, random, timers });
    this.#disk = parts.freeBytes && new DiskRoom(machine, parts.freeBytes, parts.diskLimits);
    this.#caretaker = new Caretaker({
      identity,
      machine,
      clock,
      log: parts.log,
      leadership: this.#leadership,
      membership: this.membership,
      proposals: this.#proposals,
      disk: this.#disk,
      clientUrl: parts.clientUrl,
      submitAlarm: (alarm) =>
        this.submit((origin) => ({
          kind: 'alarm',
          origin,
          alarm,
          active: true,
        })),
    });
    this.#streams = new StateStreams({
      machine,
      outbox: this.#outbox,
      onInstalled: (meta) => this.#installed(meta),
      onFailed: (error) => this.fail(error),
      disk: this.#disk,
      log: parts.log,
    });
    this.#wasMember = this.#isMember();
    this.#reads.applied(machine.applied.index);

    machine.onDurable((durable) => this.#outbox.durable(durable));
    machine.onFailed((error) => this.fail(error));
    this.#side.onMessage((message) => this.#hear(message));
    this.#formatTold = machine.format;
    this.#side.post({ begin: { applied: machine.applied, members: machine.members, format: machine.format } });
    this.#tick();
  }

  checkOpen(): void {
    if (this.#ended !== undefined) throw this.#ended;
  }

  /** Throws NoLeader when there was none for too long: what this member knows is too old to be given out. */
  checkReady(): void {
    if (this.#leadership.hasGivenUp) throw this.#leaderless();
  }

  /** Resolves when this member has applied everything that was committed before the call. */
  async barrier(): Promise<void> {
    this.checkReady();
    this.#outbox.wake();
    await this.#reads.barrier(this.#clock.monotonicMs() + this.#timers.requestMs);
    this.checkOpen();
  }

  /** Hands a command to the group and gives its outcome. */
  submit(make: (origin: Origin) => OwnCommand): Promise<TxnResult | undefined> {
    this.#outbox.wake();
    return this.#proposals.submit(make, this.#clock.monotonicMs() + this.#timers.requestMs);
  }

  standing(): {
    readonly leader: MemberId;
    readonly term: number;
    readonly committed: number;
    readonly logBytes: number;
  } {
    const { leader, term } = this.#leadership.standing;
    const committed = Math.max(this.#committed, this.#machine.applied.index);
    return { leader, term, committed, logBytes: this.#logBytes };
  }

  /** How the disk is found; undefined where nobody looks. */
  async disk(): Promise<DiskLook | undefined> {
    return this.#disk?.look();
  }

  async transferLeader(to: MemberId): Promise<void> {
    const untilMs = this.#clock.monotonicMs() + this.#timers.requestMs;
    await this.#asks.ask({ kind: 'transfer', to }, untilMs);
    await this.#untilLed((leader) => leader === to, untilMs - this.#clock.monotonicMs());
  }

  async stepDown(): Promise<void> {
    if (this.#leadership.standing.leader !== this.#identity.id) return;
    await this.#asks.ask({ kind: 'stepDown' }, this.#clock.monotonicMs() + this.#timers.requestMs);
  }

  /** Both sides check before either changes; only a disk that fails comes between. */
  async useKeys(keys: StoreKeys): Promise<void> {
    checkNeeded(keys, this.#machine.sealing.keys, 'the state');
    await this.#asks.ask({ kind: 'useKeys', keys }, this.#clock.monotonicMs() + this.#timers.requestMs);
    await this.#machine.useKeys(keys);
  }

  async useCredentials(credentials: PeerCredentials): Promise<void> {
    const untilMs = this.#clock.monotonicMs() + this.#timers.requestMs;
    await this.#asks.ask({ kind: 'useCredentials', credentials }, untilMs);
  }

  async counts(): Promise<MemberCounts> {
    const counts = await this.#asks.ask({ kind: 'counts' }, this.#clock.monotonicMs() + this.#timers.requestMs);
    const { logKeys, ...others } = present(counts, 'the answer to counts');
    const { current, keys, left } = this.#machine.sealing;
    return {
      ...others,
      sealing: { current, log: logKeys, state: keys, left },
      values: this.#machine.values,
      proposalsPending: this.#proposals.size,
      proposalsFailed: this.#proposals.failed,
    };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** Ends everything with `error` and tells the owner. */
  fail(error: BarnError): void {
    if (this.#ended !== undefined && this.#closing === undefined) return;
    this.#log.error('store ended', { reason: error.reason, error: error.message });
    this.#end(error);
    this.#onFailed(error);
  }

  #hear(message: ToReplica): void {
    if (message.standing !== undefined) {
      this.#standing = message.standing;
      this.#stand();
      this.#log.info('leadership', { ...message.standing });
    }
    if (message.proposed !== undefined) this.#proposals.proposed(message.proposed.upTo, message.proposed.term);
    if (message.entries !== undefined) this.#apply(message.entries);
    for (const dropped of message.dropped ?? []) this.#proposals.dropped(dropped);
    for (const { read, index } of message.reads ?? []) this.#reads.answered(read, index);
    if (this.#reads.isDue) this.#outbox.wake();
    for (const answer of message.answers ?? []) this.#asks.answered(answer);
    for (const begin of message.streams ?? []) this.#streams.begin(begin);
    for (const frame of message.frames ?? []) this.#streams.frame(frame);
    if (message.failed !== undefined || message.closed === true) this.#endedThere(message.failed);
    if (this.#proposals.size === 0) this.#onSettled?.();
  }

  /** The consensus side says nothing more. What it says first counts: its thread ends after it. */
  #endedThere(failed: Failure | undefined): void {
    if (this.#consensusEnded) return;
    this.#consensusEnded = true;
    if (failed !== undefined) this.fail(new BarnError(failed.reason, failed.message));
    this.#onClosed?.();
  }

  #apply({ first, count, bytes, changes, committed, logBytes, isAwaited }: PackedEntries): void {
    if (this.#ended !== undefined && this.#closing === undefined) return;
    this.#committed = committed;
    this.#logBytes = logBytes;
    const entries: CommittedEntry[] = unpackEntries(bytes, first, count);
    for (const { index, ...made } of changes) {
      const entry = entries[index - first];
      if (entry !== undefined) entries[index - first] = { ...entry, ...made };
    }
    try {
      for (const outcome of this.#machine.apply(entries)) this.#proposals.settle(outcome);
    } catch (cause) {
      return this.#diverged(cause);
    }
    const { index, term } = this.#machine.applied;
    if (term > this.#term) {
      this.#term = term;
      this.#proposals.reachedTerm(term);
    }
    this.#reads.applied(index);
    if (changes.length > 0) this.#changed();
    if (this.#caretaker.applied(bytes.byteLength)) this.#outbox.wake();
    const room = this.#machine.room();
    if (room === undefined) this.#outbox.applied(index, isAwaited);
    // A disk that failed ends the member by itself.
    else room.then(() => this.#outbox.applied(index, true)).catch(() => {});
  }

  #formatNews(): number | undefined {
    const { format } = this.#machine;
    if (format === this.#formatTold) return undefined;
    this.#formatTold = format;
    return format;
  }

  #installed({ index, term }: Snapshot): void {
    this.#log.info('snapshot installed', { index, term });
    this.#reads.applied(index);
    this.#changed();
    this.#outbox.applied(index, true);
  }

  /** The members changed: tells who waited for it, and ends when this one is no member any more. */
  #changed(): void {
    this.membership.changed();
    this.#stand();
    const isMember = this.#isMember();
    if (this.#wasMember && !isMember) {
      const message = `member ${this.#identity.name} was removed from the group: to come back, add it anew with an empty directory`;
      // Not at once: the others must hear from it that the change is committed, should it lead.
      this.#clock.after(this.#timers.electionMs, () => this.fail(new BarnError('Membership', message)), {
        unref: true,
      });
    }
    this.#wasMember = isMember;
  }

  /**
   * Who leads, for one who belongs to the group. Whoever was removed and starts again may have heard a leader once and never hears
   * that there is another: it has none, so that it is not ready and its watches end.
   */
  #stand(): void {
    if (this.#standing === undefined) return;
    const standing = this.#isMember() ? this.#standing : { ...this.#standing, leader: 0 };
    this.#leadership.heard(standing, this.#clock.monotonicMs());
  }

  #isMember(): boolean {
    const { voters, votersOutgoing, learners } = this.#machine.applied.confState;
    return [voters, votersOutgoing, learners].some((ids) => ids.includes(this.#identity.id));
  }

  /** An entry cannot be applied: nothing is served from here any more. The group is told before the member ends. */
  #diverged(cause: unknown): void {
    const error =
      cause instanceof BarnError ? cause : new BarnError('Corrupt', 'apply an entry: the state refused', { cause });
    this.#log.error('store ended', { reason: error.reason, error: error.message, cause: String(cause) });
    if (error.reason === 'Corrupt') {
      const alarm = { kind: 'CORRUPT', member: this.#identity.id } as const;
      this.#proposals.post({ kind: 'alarm', origin: { session: 0, request: 0 }, alarm, active: true });
      this.#outbox.wake();
    }
    this.#end(error);
    this.#clock.after(this.#timers.electionMs, () => this.#onFailed(error), { unref: true });
  }

  #tick(): void {
    const nowMs = this.#clock.monotonicMs();
    this.#proposals.expire(nowMs);
    this.#reads.expire(nowMs);
    this.#asks.expire(nowMs);
    this.membership.expire(nowMs);
    if (this.#leadership.hasJustGivenUp(nowMs)) {
      this.#log.error('no leader for too long, not ready', { leaderlessMs: this.#timers.leaderlessMs });
      this.#machine.store.hub.endAll(this.#leaderless());
    }
    this.#caretaker.tick();
    // Questions that wait too long are asked again, and what the caretaker proposed goes out.
    this.#outbox.wake();
    if (this.#isOver) return;
    this.#timer = this.#clock.after(this.#timers.heartbeatMs, () => this.#tick(), { unref: true });
  }

  #leaderless(): BarnError {
    const { name } = this.#identity;
    return new BarnError(
      'NoLeader',
      `member ${name} has known no leader for ${this.#timers.leaderlessMs} ms: ask another`,
    );
  }

  #untilLed(wanted: (leader: MemberId) => boolean, withinMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = this.#clock.after(withinMs, () => {
        forget();
        reject(new BarnError('Unknown', 'leadership did not move in time'));
      });
      const forget = this.#leadership.when(wanted, () => {
        timer.cancel();
        resolve();
      });
    });
  }

  async #close(): Promise<void> {
    const wasOpen = this.#ended === undefined;
    const closed = new BarnError('Closed', `the store of member ${this.#identity.name} is closed`);
    this.#ended ??= closed;
    if (wasOpen && this.#proposals.size > 0 && !this.#leadership.hasGivenUp)
      await new Promise<void>((resolve) => (this.#onSettled = resolve));
    this.#end(closed);
    if (!this.#consensusEnded) {
      this.#outbox.close();
      await new Promise<void>((resolve) => (this.#onClosed = resolve));
    }
    this.#side.close();
    await this.#machine.close();
  }

  #end(error: BarnError): void {
    this.#ended ??= error;
    this.#isOver = true;
    this.#timer?.cancel();
    this.#proposals.end(error.reason, error.message);
    this.#reads.end(error.reason, error.message);
    this.#asks.end(error.reason, error.message);
    this.membership.end(error);
    this.#streams.end(error.message);
    this.#machine.store.hub.close(this.#ended);
    this.#onSettled?.();
  }
}
