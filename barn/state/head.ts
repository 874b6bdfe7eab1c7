// Where a state on disk stands, in one record (m/head) of every batch: checksum u32 | JSON.
import { crc32 } from 'node:zlib';
import { BarnError, type Revision } from '../barn.ts';
import { noSnapshot } from '../raft/empty.ts';
import type { ConfState, Snapshot } from '../raft/protocol.ts';
import { commandFormatFirst } from './command.ts';
import type { Alarm, MemberRecord } from './machine.ts';
import { memberRecord } from './member-record.ts';
import type { State } from './state.ts';

/** What a state consists of beside its versions of keys; also the beginning of a snapshot. */
export interface Head {
  /** The last entry that is in it. */
  readonly applied: Snapshot;
  readonly revision: Revision;
  readonly compactRevision: Revision;
  /** A restore raised the store to this revision, which has no events; 0: none did. */
  readonly restoredRevision: Revision;
  /** The running hash up to `revision`, and up to the one before `compactRevision`. */
  readonly hash: number;
  readonly hashBefore: number;
  /** How many versions of keys it holds, and the bytes of their keys and values: what was lost is missed. */
  readonly versionsCount: number;
  readonly bytes: number;
  /** The newest command format that may be written. */
  readonly format: number;
  readonly members: readonly MemberRecord[];
  readonly alarms: readonly Alarm[];
}

/** What a state begins with that nobody founded: one who joins and waits for a snapshot. */
export const emptyHead: Head = {
  applied: noSnapshot,
  revision: 0,
  compactRevision: 0,
  restoredRevision: 0,
  hash: 0,
  hashBefore: 0,
  versionsCount: 0,
  bytes: 0,
  format: commandFormatFirst,
  members: [],
  alarms: [],
};

/** What a head says of a state. */
export function headNumbers(
  state: State,
): Pick<Head, 'revision' | 'compactRevision' | 'hash' | 'hashBefore' | 'versionsCount' | 'bytes'> {
  const { revision, compactRevision, hash, versionsCount, bytes } = state;
  return { revision, compactRevision, hash, hashBefore: state.log.hashBefore, versionsCount, bytes };
}

/** The bytes of a JSON value behind their checksum. */
export function encodeChecked(value: unknown): Uint8Array {
  const text = JSON.stringify(value);
  const bytes = Buffer.allocUnsafe(4 + Buffer.byteLength(text));
  bytes.write(text, 4);
  bytes.writeUInt32BE(crc32(bytes.subarray(4)), 0);
  return bytes;
}

/** Reads what `encodeChecked` wrote. Errors: Corrupt, naming `where`. */
export function decodeChecked(bytes: Uint8Array, where: string): unknown {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.length < 4 || view.readUInt32BE(0) !== crc32(view.subarray(4))) {
    throw new BarnError('Corrupt', `${where} is damaged: its checksum does not match`);
  }
  return JSON.parse(view.toString('utf8', 4));
}

/** Checks that a JSON value is a head. Errors: Corrupt, naming `where` and the field. */
export function headFrom(parsed: unknown, where: string): Head {
  const fields = fieldsOf(parsed, where);
  const number = (name: string): number => numberOf(fields[name], name, where);
  const applied = fieldsOf(fields['applied'], where);
  return {
    applied: {
      index: numberOf(applied['index'], 'index', where),
      term: numberOf(applied['term'], 'term', where),
      confState: confStateFrom(applied['confState'], where),
    },
    revision: number('revision'),
    compactRevision: number('compactRevision'),
    restoredRevision: number('restoredRevision'),
    hash: number('hash'),
    hashBefore: number('hashBefore'),
    versionsCount: number('versionsCount'),
    bytes: number('bytes'),
    format: number('format'),
    members: listOf(fields['members'], 'members', where).map(memberRecord),
    alarms: listOf(fields['alarms'], 'alarms', where).map((alarm) => alarmFrom(alarm, where)),
  };
}

function confStateFrom(parsed: unknown, where: string): ConfState {
  const fields = fieldsOf(parsed, where);
  const ids = (name: string): readonly number[] =>
    listOf(fields[name], name, where).map((id) => numberOf(id, name, where));
  return {
    voters: ids('voters'),
    learners: ids('learners'),
    votersOutgoing: ids('votersOutgoing'),
    learnersNext: ids('learnersNext'),
    autoLeave: fields['autoLeave'] === true,
  };
}

function alarmFrom(parsed: unknown, where: string): Alarm {
  const { kind, member } = fieldsOf(parsed, where);
  if (kind !== 'NOSPACE' && kind !== 'CORRUPT') throw wrong(where, 'alarms');
  return { kind, member: numberOf(member, 'member', where) };
}

function fieldsOf(parsed: unknown, where: string): Readonly<Record<string, unknown>> {
  if (typeof parsed !== 'object' || parsed === null) throw wrong(where, 'object');
  return parsed as Readonly<Record<string, unknown>>;
}

function numberOf(value: unknown, name: string, where: string): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw wrong(where, name);
  return value;
}

function listOf(value: unknown, name: string, where: string): readonly unknown[] {
  if (!Array.isArray(value)) throw wrong(where, name);
  return value;
}

function wrong(where: string, name: string): BarnError {
  return new BarnError('Corrupt', `${where} is damaged: its ${name} is not what it must be`);
}
