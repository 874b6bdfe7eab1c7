import type { Clock, Log } from '../../base/index.ts';
import { commandFormatMax } from '../state/command.ts';
import type { Alarm, MemberRecord, StateMachine } from '../state/machine.ts';
import type { DiskRoom } from './disk-room.ts';
import type { Leadership } from './leadership.ts';
import type { MemberIdentity } from './member.ts';
import type { Membership } from './membership.ts';
import type { Proposals } from './proposals.ts';

/** How often the leader lets all members compare their hashes, when something changed. */
const checkIntervalMs = 10_000;
/** How often a member looks at its disk, and whether the book says of it what it should. */
const lookIntervalMs = 1_000;
/** It also looks when so much was applied since: what one look is too late for must fit into the reserve. */
const lookBytes = 8 * 1024 * 1024;

/** What a member does by itself: as leader compaction, checks and the format; each for itself its record and its disk. */
export class Caretaker {
  readonly #identity: MemberIdentity;
  readonly #machine: StateMachine;
  readonly #leadership: Leadership;
  readonly #membership: Membership;
  readonly #proposals: Proposals;
  readonly #submitAlarm: (alarm: Alarm) => Promise<unknown>;
  readonly #disk: DiskRoom | undefined;
  readonly #clientUrl: string | undefined;
  readonly #clock: Clock;
  readonly #log: Log;
  #compactProposed = 0;
  #checkedMs = 0;
  #checkedRevision = 0;
  #lookedMs = 0;
  #unlookedBytes = 0;
  #isTelling = false;
  #isLooking = false;

  constructor(options: {
    readonly identity: MemberIdentity;
    readonly machine: StateMachine;
    readonly leadership: Leadership;
    readonly membership: Membership;
    readonly proposals: Proposals;
    readonly submitAlarm: (alarm: Alarm) => Promise<unknown>;
    readonly disk: DiskRoom | undefined;
    readonly clientUrl: string | undefined;
    readonly clock: Clock;
    readonly log: Log;
  }) {
    this.#identity = options.identity;
    this.#machine = options.machine;
    this.#leadership = options.leadership;
    this.#membership = options.membership;
    this.#proposals = options.proposals;
    this.#submitAlarm = options.submitAlarm;
    this.#disk = options.disk;
    this.#clientUrl = options.clientUrl;
    this.#clock = options.clock;
    this.#log = options.log;
  }

  /** Entries of so many bytes were applied. Returns whether it proposed something. */
  applied(bytes: number): boolean {
    this.#unlookedBytes += bytes;
    if (this.#unlookedBytes >= lookBytes) this.#look();
    if (!this.#leads) return false;
    const due = this.#machine.compactionDue();
    if (due === undefined || due <= this.#compactProposed) return false;
    this.#compactProposed = due;
    this.#log.info('history compacted at its bound', { compactRevision: due });
    this.#proposals.post({ kind: 'compact', origin: { session: 0, request: 0 }, revision: due });
    return true;
  }

  /** Time went by. Returns whether it proposed something. */
  tick(): boolean {
    const nowMs = this.#clock.monotonicMs();
    const isLookDue = nowMs - this.#lookedMs >= lookIntervalMs;
    if (isLookDue) {
      this.#lookedMs = nowMs;
      this.#look();
      this.#tell();
    }
    if (!this.#leads) {
      this.#compactProposed = 0;
      return false;
    }
    const checked = this.#check(nowMs);
    return (isLookDue && this.#raiseFormat()) || checked;
  }

  get #leads(): boolean {
    return this.#leadership.standing.role === 'StateLeader';
  }

  #check(nowMs: number): boolean {
    const { revision } = this.#machine.store.state;
    if (nowMs - this.#checkedMs < checkIntervalMs || revision === this.#checkedRevision) return false;
    this.#checkedMs = nowMs;
    this.#checkedRevision = revision;
    this.#proposals.post({ kind: 'check', revision, hash: this.#machine.hash });
    return true;
  }

  /** Said again at each look until it is so: the command may be lost with a leader. */
  #raiseFormat(): boolean {
    const format = Math.min(this.#machine.formatKnown, commandFormatMax);
    if (format <= this.#machine.format) return false;
    this.#proposals.post({ kind: 'format', format });
    return true;
  }

  /** Puts into the book where clients find this member and which format it knows. */
  #tell(): void {
    if (this.#isTelling || this.#leadership.standing.leader === 0) return;
    const record = this.#machine.members.find(({ id }) => id === this.#identity.id);
    if (record === undefined) return;
    const clientUrl = this.#clientUrl ?? record.clientUrl;
    if (record.clientUrl === clientUrl && record.format === commandFormatMax) return;
    const told: MemberRecord = { ...record, ...(clientUrl !== undefined && { clientUrl }), format: commandFormatMax };
    this.#isTelling = true;
    this.#membership
      .update(told)
      // The next look says it again.
      .catch((error: unknown) => this.#log.debug('own record was not told', { error: String(error) }))
      .finally(() => {
        this.#isTelling = false;
      });
  }

  #look(): void {
    if (this.#disk === undefined || this.#isLooking) return;
    this.#isLooking = true;
    this.#unlookedBytes = 0;
    this.#lookAt(this.#disk)
      .catch((error: unknown) => this.#log.warn('the disk was not looked after', { error: String(error) }))
      .finally(() => {
        this.#isLooking = false;
      });
  }

  async #lookAt(disk: DiskRoom): Promise<void> {
    const { freeBytes, reserveBytes, mayReclaim } = await disk.look();
    const isShort = freeBytes < reserveBytes;
    if (isShort && !this.#isRaised() && this.#leadership.standing.leader !== 0) {
      this.#log.error('disk nearly full: nothing is put until there is room and the alarm is disarmed', {
        freeBytes,
        reserveBytes,
      });
      await this.#submitAlarm({ kind: 'NOSPACE', member: this.#identity.id });
    }
    // Whosever disk it is: all wait for what an operator deletes now.
    if (!isShort && this.#machine.noSpace === undefined) return;
    if (!mayReclaim || !(await this.#machine.reclaim())) return;
    this.#log.info('room of what was deleted given back', { freeBytes: (await disk.look()).freeBytes });
  }

  #isRaised(): boolean {
    return this.#machine.alarms.some(({ kind, member }) => kind === 'NOSPACE' && member === this.#identity.id);
  }
}
