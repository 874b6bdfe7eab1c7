// The messages between the core and its storage threads. In each direction they are handled in order, and none is lost.
//
// An answer "the log is stable up to here" may come when the log has changed meanwhile: entries are written (1), overwritten
// under another leader (2), and then written again as they were (3). The answer to (1) would match the log of (3) although
// write (2) is still to come and will be read back from the storage. So the answer carries the term in which its write was
// asked for and counts only while that is still the term: then no other leader can have overwritten anything. As a term
// change is itself a write, and every answer names the log's end rather than the write's, a later answer always covers
// what an earlier one could not.
import { entriesBytes } from './entry-size.ts';
import { draft } from './message.ts';
import { appendThread, applyThread, type Entry, type HardState, type Message, type Snapshot } from './protocol.ts';
import type { Raft } from './raft.ts';

/** What the append thread is to make durable; the answers in it go out when that is done. */
export interface StorageAppend {
  readonly entries: readonly Entry[];
  readonly hardState: HardState | undefined;
  readonly snapshot: Snapshot | undefined;
}

/** The message to the append thread, or undefined when there is nothing to write and nothing that waits for writes. */
export function storageAppendMessage(raft: Raft, write: StorageAppend): Message | undefined {
  const { entries, hardState, snapshot } = write;
  const waiting = raft.messagesAfterAppend;
  if (entries.length === 0 && hardState === undefined && snapshot === undefined && waiting.length === 0)
    return undefined;
  const message = draft('MsgStorageAppend', appendThread, raft.id, hardState?.term ?? 0);
  message.vote = hardState?.vote ?? 0;
  message.commit = hardState?.commit ?? 0;
  message.entries = entries;
  message.snapshot = snapshot;
  // The own acknowledgement comes before the news that the log is stable: while it is counted, terms are still at hand.
  const stable = storageAppendResponse(raft, snapshot);
  if (stable !== undefined) waiting.push(stable);
  message.responses = waiting;
  return message;
}

/** The answer to a write, or undefined when the core need not hear of it. */
export function storageAppendResponse(raft: Raft, snapshot: Snapshot | undefined): Message | undefined {
  const { log } = raft;
  if (!log.unstable.hasEntries && snapshot === undefined) return undefined;
  const message = draft('MsgStorageAppendResp', raft.id, appendThread, raft.term);
  message.snapshot = snapshot;
  if (log.unstable.hasEntries) {
    message.index = log.lastIndex();
    message.logTerm = log.lastTerm();
  }
  return message;
}

/** The message to the apply thread. */
export function storageApplyMessage(raft: Raft, entries: readonly Entry[]): Message {
  const message = draft('MsgStorageApply', applyThread, raft.id, 0);
  message.entries = entries;
  message.responses = [storageApplyResponse(raft, entries)];
  return message;
}

/** The answer once these entries are applied. */
export function storageApplyResponse(raft: Raft, entries: readonly Entry[]): Message {
  const message = draft('MsgStorageApplyResp', raft.id, applyThread, 0);
  message.entries = entries;
  return message;
}

/** These committed entries are handed out. */
export function acceptApplying(raft: Raft, entries: readonly Entry[], allowUnstable: boolean): void {
  const last = entries.at(-1);
  if (last !== undefined) raft.log.acceptApplying(last.index, entriesBytes(entries), allowUnstable);
}
