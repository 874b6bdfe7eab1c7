// A message as bytes. Format 1, numbers as in ByteWriter:
//   format, type, flags; to, from, term, logTerm, index, commit, vote, rejectHint; the count of entries;
//   each entry: type, term, index, length, data; the snapshot, the context, where the flags announce them.
import { assert } from '../../base/index.ts';
import type { ConfState, Entry, EntryType, Message, MessageType, Snapshot } from '../raft/protocol.ts';
import { ByteReader, malformed } from './byte-reader.ts';
import { ByteWriter, numberBytesMax } from './byte-writer.ts';

/** What every message begins with. */
export const messageFormat = 1;

/** More entries in one message: Malformed, since each takes far more memory than the four bytes it may have here. */
export const messageEntriesMax = 262_144;

/** The numbers of raftpb; those that only a member and its own storage say to each other have none here. */
const travelling: readonly (readonly [MessageType, number])[] = [
  ['MsgProp', 2],
  ['MsgApp', 3],
  ['MsgAppResp', 4],
  ['MsgVote', 5],
  ['MsgVoteResp', 6],
  ['MsgSnap', 7],
  ['MsgHeartbeat', 8],
  ['MsgHeartbeatResp', 9],
  ['MsgTransferLeader', 13],
  ['MsgTimeoutNow', 14],
  ['MsgReadIndex', 15],
  ['MsgReadIndexResp', 16],
  ['MsgPreVote', 17],
  ['MsgPreVoteResp', 18],
  ['MsgForgetLeader', 23],
];
const numberOfType = new Map(travelling);
const typeOfNumber = new Map(travelling.map(([type, number]) => [number, type]));
const entryTypes: readonly EntryType[] = ['EntryNormal', 'EntryConfChange', 'EntryConfChangeV2'];

const flags = { reject: 1, snapshot: 2, context: 4 };
const snapshotFlags = { autoLeave: 1, data: 2 };
/** Type, term, index and length of an entry. */
const entryBytesMin = 4;
const entryHeadBytesMax = 1 + 3 * numberBytesMax;
const headBytesMax = 3 + 10 * numberBytesMax;
const snapshotHeadBytesMax = 1 + 7 * numberBytesMax;

/**
 * The parts of a message, to be sent one after the other. The bytes of entries and context are parts as they are, not
 * copies. Messages to storage threads have no bytes: an InvariantError.
 */
export function encodeMessage(message: Message): readonly Uint8Array[] {
  const writer = new ByteWriter();
  writeMessage(writer, message);
  return writer.take();
}

/** As `encodeMessage`, behind what the writer already has. */
export function writeMessage(writer: ByteWriter, message: Message): void {
  const type = numberOfType.get(message.type);
  assert(type !== undefined && message.responses === undefined, `${message.type} does not travel between members`);
  assert(message.entries.length <= messageEntriesMax, `a message of ${message.entries.length} entries`);
  const { snapshot, context } = message;
  writer.byte(messageFormat);
  writer.byte(type);
  writer.byte(
    (message.reject ? flags.reject : 0) |
      (snapshot === undefined ? 0 : flags.snapshot) |
      (context === undefined ? 0 : flags.context),
  );
  writer.number(message.to);
  writer.number(message.from);
  writer.number(message.term);
  writer.number(message.logTerm);
  writer.number(message.index);
  writer.number(message.commit);
  writer.number(message.vote);
  writer.number(message.rejectHint);
  writer.number(message.entries.length);
  for (const entry of message.entries) writeEntry(writer, entry);
  if (snapshot !== undefined) writeSnapshot(writer, snapshot);
  if (context !== undefined) writer.bytes(context);
}

/**
 * The message that all of `bytes` are. Data of entries, context and snapshot are views of `bytes`, which nobody may change.
 * Takes memory in proportion to `bytes` only. Errors: TransportError Malformed.
 */
export function decodeMessage(bytes: Uint8Array): Message {
  const reader = new ByteReader(bytes);
  const format = reader.byte();
  if (format !== messageFormat) throw malformed(`is a message of format ${format}; known is ${messageFormat}`);
  const number = reader.byte();
  const type = typeOfNumber.get(number);
  if (type === undefined) throw malformed(`is a message of type ${number}, which does not travel between members`);
  const set = reader.byte();
  if (set > (flags.reject | flags.snapshot | flags.context)) throw malformed(`is a message with flags ${set}`);
  const message = {
    type,
    to: reader.number(),
    from: reader.number(),
    term: reader.number(),
    logTerm: reader.number(),
    index: reader.number(),
    commit: reader.number(),
    vote: reader.number(),
    rejectHint: reader.number(),
    reject: (set & flags.reject) !== 0,
    entries: list(reader, entryBytesMin, readEntry),
    ...((set & flags.snapshot) === 0 ? undefined : { snapshot: readSnapshot(reader) }),
    ...((set & flags.context) === 0 ? undefined : { context: reader.bytes() }),
  };
  reader.end();
  return message;
}

/** It takes at most so many bytes when sent; what queues count. */
export function messageBytes({ entries, context, snapshot }: Message): number {
  let bytes = headBytesMax + (context?.byteLength ?? 0);
  for (const entry of entries) bytes += entryHeadBytesMax + entry.data.byteLength;
  if (snapshot === undefined) return bytes;
  const members = memberLists(snapshot.confState).reduce((count, list) => count + list.length, 0);
  return bytes + snapshotHeadBytesMax + members * numberBytesMax + (snapshot.data?.byteLength ?? 0);
}

function writeEntry(writer: ByteWriter, entry: Entry): void {
  writer.byte(entryTypes.indexOf(entry.type));
  writer.number(entry.term);
  writer.number(entry.index);
  writer.bytes(entry.data);
}

function readEntry(reader: ByteReader): Entry {
  const number = reader.byte();
  const type = entryTypes[number];
  if (type === undefined) throw malformed(`has an entry of type ${number}`);
  return { type, term: reader.number(), index: reader.number(), data: reader.bytes() };
}

function writeSnapshot(writer: ByteWriter, { index, term, confState, data }: Snapshot): void {
  writer.byte((confState.autoLeave ? snapshotFlags.autoLeave : 0) | (data === undefined ? 0 : snapshotFlags.data));
  writer.number(index);
  writer.number(term);
  for (const members of memberLists(confState)) {
    writer.number(members.length);
    for (const member of members) writer.number(member);
  }
  if (data !== undefined) writer.bytes(data);
}

function readSnapshot(reader: ByteReader): Snapshot {
  const set = reader.byte();
  if (set > (snapshotFlags.autoLeave | snapshotFlags.data)) throw malformed(`has a snapshot with flags ${set}`);
  const [index, term] = [reader.number(), reader.number()];
  const members = (): readonly number[] => list(reader, 1, (from) => from.number());
  const confState = {
    voters: members(),
    learners: members(),
    votersOutgoing: members(),
    learnersNext: members(),
    autoLeave: (set & snapshotFlags.autoLeave) !== 0,
  };
  return { index, term, confState, ...((set & snapshotFlags.data) === 0 ? undefined : { data: reader.bytes() }) };
}

/** In the order of `readSnapshot`. */
function memberLists(confState: ConfState): readonly (readonly number[])[] {
  return [confState.voters, confState.learners, confState.votersOutgoing, confState.learnersNext];
}

function list<T>(reader: ByteReader, bytesMin: number, read: (reader: ByteReader) => T): readonly T[] {
  const count = reader.count(bytesMin);
  if (count > messageEntriesMax) throw malformed(`has ${count} parts of a kind; allowed are ${messageEntriesMax}`);
  const items: T[] = [];
  for (let at = 0; at < count; at++) items.push(read(reader));
  return items;
}
