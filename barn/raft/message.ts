// How the core makes its messages. One shape for all of them keeps the hot path monomorphic.
import { appendThread, applyThread, type Entry, type MemberId, type Message, type MessageType } from './protocol.ts';

/** A message in the making; nobody changes it once it was handed out. */
export type Draft = { -readonly [Field in keyof Message]: Message[Field] };

/** What a message without entries carries. */
export const noEntries: readonly Entry[] = Object.freeze([]);

/** A message whose other fields are empty. */
export function draft(type: MessageType, to: MemberId, from: MemberId, term: number): Draft {
  return {
    type,
    to,
    from,
    term,
    logTerm: 0,
    index: 0,
    entries: noEntries,
    commit: 0,
    vote: 0,
    reject: false,
    rejectHint: 0,
    snapshot: undefined,
    context: undefined,
    responses: undefined,
  };
}

/** Whether `id` is a storage thread of this member rather than a member. */
export function isThread(id: MemberId): boolean {
  return id === appendThread || id === applyThread;
}

/** Whether only a member itself and its storage threads may send it. */
export function isLocal(type: MessageType): boolean {
  switch (type) {
    case 'MsgHup':
    case 'MsgBeat':
    case 'MsgUnreachable':
    case 'MsgSnapStatus':
    case 'MsgCheckQuorum':
    case 'MsgForgetLeader':
    case 'MsgStorageAppend':
    case 'MsgStorageAppendResp':
    case 'MsgStorageApply':
    case 'MsgStorageApplyResp':
      return true;
    default:
      return false;
  }
}

/** Whether it answers something, so that only a member may send it. */
export function isResponse(type: MessageType): boolean {
  switch (type) {
    case 'MsgAppResp':
    case 'MsgVoteResp':
    case 'MsgHeartbeatResp':
    case 'MsgReadIndexResp':
    case 'MsgPreVoteResp':
      return true;
    default:
      return false;
  }
}

/** Whether it must wait until everything before it is durable here (Raft, 5.1: persistent state before an answer). */
export function waitsForDisk(type: MessageType): boolean {
  return type === 'MsgAppResp' || type === 'MsgVoteResp' || type === 'MsgPreVoteResp';
}
