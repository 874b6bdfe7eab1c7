import { BarnError } from '../barn.ts';
import type { ConfChange, ConfState } from '../raft/protocol.ts';
import type { MemberRecord } from './machine.ts';

/** The bytes of a member's record: JSON. */
export function encodeMemberRecord(record: MemberRecord): Uint8Array {
  return Buffer.from(JSON.stringify(record));
}

/** Reads them back. Errors: Corrupt. */
export function decodeMemberRecord(bytes: Uint8Array): MemberRecord {
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString());
  } catch (cause) {
    throw new BarnError('Corrupt', "a member's record is not JSON", { cause });
  }
  return memberRecord(parsed);
}

/** Checks what was read as one. Errors: Corrupt. */
export function memberRecord(parsed: unknown): MemberRecord {
  if (typeof parsed !== 'object' || parsed === null) throw wrong('it is no object');
  const { id, name, peerUrl, clientUrl, format } = parsed as Partial<Record<keyof MemberRecord, unknown>>;
  if (typeof id !== 'number' || !Number.isSafeInteger(id) || id < 1) throw wrong('its id is no number from 1 on');
  if (typeof name !== 'string') throw wrong('its name is no text');
  if (typeof peerUrl !== 'string') throw wrong('its peerUrl is no text');
  if (typeof format !== 'number' || !Number.isSafeInteger(format)) throw wrong('its format is no number');
  if (clientUrl === undefined) return { id, name, peerUrl, format };
  if (typeof clientUrl !== 'string') throw wrong('its clientUrl is no text');
  return { id, name, peerUrl, clientUrl, format };
}

function wrong(why: string): BarnError {
  return new BarnError('Corrupt', `a member's record cannot be read: ${why}`);
}

/** The members' book after a change of the configuration: those it still names, and the one that the change brought. In order of ids. */
export function membersAfter(
  members: readonly MemberRecord[],
  confState: ConfState,
  confChange: ConfChange | undefined,
): readonly MemberRecord[] {
  const { voters, learners, votersOutgoing, learnersNext } = confState;
  const named = new Set([...voters, ...learners, ...votersOutgoing, ...learnersNext]);
  const context = confChange?.context;
  const changed = context === undefined || context.byteLength === 0 ? [] : [decodeMemberRecord(context)];
  const others = members.filter(({ id }) => changed.every((record) => record.id !== id));
  return [...others, ...changed].filter(({ id }) => named.has(id)).sort((a, b) => a.id - b.id);
}
