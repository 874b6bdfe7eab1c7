// What a member takes from others. A message that no correct member can have sent is refused before it changes anything: one
// with a hole between its entries, say, would tear a hole into the log.
import { isLocal, isResponse, isThread } from './message.ts';
import type { Entry, Message, RaftReason } from './protocol.ts';
import type { Raft } from './raft.ts';

/** Why the message is refused, or undefined. */
export function faultOf(raft: Raft, message: Message): RaftReason | undefined {
  if (isLocal(message.type)) {
    const isAnswer = message.type === 'MsgStorageAppendResp' || message.type === 'MsgStorageApplyResp';
    return isAnswer && isThread(message.from) ? undefined : 'StepLocalMsg';
  }
  if (isResponse(message.type) && raft.tracker.get(message.from) === undefined) return 'StepPeerNotFound';
  if (message.to !== raft.id || !hasNumbers(message) || !isWellFormed(raft, message)) return 'Malformed';
  return undefined;
}

function hasNumbers(message: Message): boolean {
  return (
    message.from > 0 &&
    isCount(message.from) &&
    isCount(message.term) &&
    isCount(message.index) &&
    isCount(message.logTerm) &&
    isCount(message.commit) &&
    isCount(message.rejectHint)
  );
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function isWellFormed(raft: Raft, message: Message): boolean {
  switch (message.type) {
    case 'MsgProp':
      return message.term === 0 && message.entries.length > 0 && message.entries.every(isContent);
    case 'MsgReadIndex':
      return message.term === 0 && message.entries.length === 1;
    case 'MsgReadIndexResp':
      return message.term > 0 && message.entries.length === 1;
    case 'MsgTransferLeader':
      return true;
    case 'MsgApp':
      return message.term > 0 && message.from !== raft.id && isSliceOfLog(message);
    case 'MsgSnap':
      return message.term > 0 && message.from !== raft.id && isSnapshotOfTerm(message);
    case 'MsgHeartbeat':
    case 'MsgVote':
    case 'MsgPreVote':
    case 'MsgTimeoutNow':
      return message.term > 0 && message.from !== raft.id;
    default:
      return message.term > 0;
  }
}

function isContent(entry: Entry): boolean {
  return entry.data instanceof Uint8Array && isEntryType(entry);
}

function isEntryType({ type }: Entry): boolean {
  return type === 'EntryNormal' || type === 'EntryConfChange' || type === 'EntryConfChangeV2';
}

/** Consecutive after `index`, terms never falling, none above the leader's. */
function isSliceOfLog(message: Message): boolean {
  let { index, logTerm: term } = message;
  for (const entry of message.entries) {
    if (entry.index !== ++index || entry.term < term || !isCount(entry.term) || !isContent(entry)) return false;
    term = entry.term;
  }
  return term <= message.term;
}

function isSnapshotOfTerm({ snapshot, term }: Message): boolean {
  if (snapshot === undefined) return false;
  const isId = isCount(snapshot.index) && isCount(snapshot.term) && snapshot.index > 0 && snapshot.term <= term;
  return isId && snapshot.confState.voters.length > 0;
}
