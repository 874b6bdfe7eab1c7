// Changes of the configuration as the data of an entry. No data at all asks to leave a joint configuration, so that the leader's
// own proposal of it is never refused for its size.
import { type ConfChange, type ConfChangeType, type ConfState, type Entry, RaftError } from './protocol.ts';

/** How the entry names the protocol: v1 is one change without a transition. */
export type ConfChangeVersion = 'EntryConfChange' | 'EntryConfChangeV2';

/** Leaves a joint configuration. */
const leaveJointChange: ConfChange = Object.freeze({ transition: 'auto', changes: [] });

const format = 1;
const headBytes = 4;
const changeBytes = 9;
const changesMax = 0xffff;
const transitions: readonly ConfChange['transition'][] = ['auto', 'joint-implicit', 'joint-explicit'];
const types: readonly ConfChangeType[] = [
  'ConfChangeAddNode',
  'ConfChangeRemoveNode',
  'ConfChangeUpdateNode',
  'ConfChangeAddLearnerNode',
];

/** Format, transition, count (16 bits), then type and id (64 bits) of each, then the context. */
export function encodeConfChange(change: ConfChange): Uint8Array {
  const context = change.context ?? new Uint8Array(0);
  const { length } = change.changes;
  if (length === 0 && change.transition === 'auto' && context.length === 0) return new Uint8Array(0);
  if (length > changesMax) throw new RaftError('Malformed', `encode a configuration change of ${length} members`);
  const bytes = new Uint8Array(headBytes + length * changeBytes + context.length);
  const view = new DataView(bytes.buffer);
  bytes[0] = format;
  bytes[1] = transitions.indexOf(change.transition);
  view.setUint16(2, length);
  for (const [i, { type, id }] of change.changes.entries()) {
    bytes[headBytes + i * changeBytes] = types.indexOf(type);
    view.setBigUint64(headBytes + i * changeBytes + 1, BigInt(id));
  }
  bytes.set(context, headBytes + length * changeBytes);
  return bytes;
}

/** What an entry of a configuration change asks for. Errors: Malformed. */
export function decodeConfChange(data: Uint8Array): ConfChange {
  if (data.length === 0) return leaveJointChange;
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const transition = transitions[data[1] ?? transitions.length];
  const count = data.length < headBytes ? 0 : view.getUint16(2);
  const end = headBytes + count * changeBytes;
  if (data[0] !== format || transition === undefined || data.length < end)
    throw new RaftError('Malformed', `decode a configuration change of ${data.length} bytes, format ${data[0]}`);
  const changes = Array.from({ length: count }, (_, i) => {
    const type = types[data[headBytes + i * changeBytes] ?? types.length];
    const id = Number(view.getBigUint64(headBytes + i * changeBytes + 1));
    if (type === undefined || !Number.isSafeInteger(id))
      throw new RaftError('Malformed', `decode change ${i} of a configuration change: type or id unknown`);
    return { type, id };
  });
  return data.length === end ? { transition, changes } : { transition, changes, context: data.slice(end) };
}

/** Whether the entry changes the configuration. */
export function isConfChange(entry: Entry): boolean {
  return entry.type !== 'EntryNormal';
}

/** Whether the change goes by joint consensus: more than one member, or asked for. */
export function entersJoint(change: ConfChange): boolean {
  return change.transition !== 'auto' || change.changes.length > 1;
}

/** Whether the joint configuration, once entered, is left without being asked. */
export function leavesByItself(change: ConfChange): boolean {
  return change.transition !== 'joint-explicit';
}

/** Whether the change ends a joint configuration. */
export function leavesJoint(change: ConfChange): boolean {
  return change.transition === 'auto' && change.changes.length === 0;
}

/** Whether both name the same members in the same roles. */
export function sameConfState(one: ConfState, other: ConfState): boolean {
  return (
    sameIds(one.voters, other.voters) &&
    sameIds(one.learners, other.learners) &&
    sameIds(one.votersOutgoing, other.votersOutgoing) &&
    sameIds(one.learnersNext, other.learnersNext) &&
    one.autoLeave === other.autoLeave
  );
}

function sameIds(one: readonly number[], other: readonly number[]): boolean {
  const sorted = other.toSorted((a, b) => a - b);
  return one.length === other.length && one.toSorted((a, b) => a - b).every((id, i) => id === sorted[i]);
}
