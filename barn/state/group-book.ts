import { BarnError } from '../barn.ts';
import { checkCommandFormat } from './command.ts';
import type { Head } from './head.ts';
import type { Alarm, CommittedEntry, MemberRecord } from './machine.ts';
import { membersAfter } from './member-record.ts';

/** What all members know of their group beside the keys: who belongs to it, its alarms, and the format it writes. */
export class GroupBook {
  #members: readonly MemberRecord[];
  #alarms: readonly Alarm[];
  #format: number;

  constructor({ members, alarms, format }: Pick<Head, 'members' | 'alarms' | 'format'>) {
    this.#members = members;
    this.#alarms = alarms;
    this.#format = format;
  }

  /** In order of ids. */
  get members(): readonly MemberRecord[] {
    return this.#members;
  }

  /** In order of kinds and members. */
  get alarms(): readonly Alarm[] {
    return this.#alarms;
  }

  get format(): number {
    return this.#format;
  }

  /** The newest format that all members have said they know; 0 while one has said nothing. */
  get formatKnown(): number {
    return Math.min(...this.#members.map(({ format }) => format));
  }

  /** A change that the core refused brings no configuration. Errors: Corrupt when the record that it brings cannot be read. */
  changeMembers({ confState, confChange }: CommittedEntry): void {
    if (confState === undefined) return;
    this.#members = membersAfter(this.#members, confState, confChange);
    // A member that is gone cannot say that its disk has room again.
    this.#alarms = this.#alarms.filter(({ member }) => this.#members.some(({ id }) => id === member));
  }

  setAlarm(alarm: Alarm, active: boolean): void {
    const others = this.#alarms.filter(({ kind, member }) => kind !== alarm.kind || member !== alarm.member);
    this.#alarms = active ? [...others, alarm].sort(inOrder) : others;
  }

  /** Why nothing may be put now, or undefined. */
  get noSpace(): BarnError | undefined {
    const full = this.#alarms.find(({ kind }) => kind === 'NOSPACE');
    if (full === undefined) return undefined;
    const id = full.member.toString(16);
    const name = this.#members.find((member) => member.id === full.member)?.name ?? id;
    return new BarnError(
      'NoSpace',
      `etcdserver: mvcc: database space exceeded: the disk of member ${name} (${id}) is nearly full; reads and deletes go on, and puts do once there is room on it and the alarm is disarmed`,
    );
  }

  /**
   * Goes over to a format, unless some member has said meanwhile that it does not know it (it went back to an older version):
   * all members judge by the same book. Errors: Storage for a format that this build does not know.
   */
  raiseFormat(format: number): void {
    if (format <= this.#format || this.formatKnown < format) return;
    checkCommandFormat(format, 'the group');
    this.#format = format;
  }
}

function inOrder(a: Alarm, b: Alarm): number {
  return a.kind === b.kind ? a.member - b.member : a.kind < b.kind ? -1 : 1;
}
