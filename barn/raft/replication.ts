// What a leader sends: entries, snapshots, heartbeats. To all in the order of their ids.
import { assert } from '../../base/index.ts';
import { dataBytes } from './entry-size.ts';
import type { Progress } from './progress.ts';
import { type MemberId, RaftError, type Snapshot } from './protocol.ts';
import type { Raft } from './raft.ts';

/** To everyone, if only to tell the commit index. */
export function broadcastAppend(raft: Raft): void {
  for (const peer of raft.tracker.peers) if (peer.id !== raft.id) sendAppend(raft, peer, true);
}

/**
 * Sends what the follower lacks, as far as its flow allows, or a snapshot when that is compacted away. Without entries only
 * when `evenEmpty`. Tells whether something was sent.
 */
export function sendAppend(raft: Raft, peer: Progress, evenEmpty: boolean): boolean {
  if (peer.isPaused) return false;
  const { log, settings } = raft;
  const previous = peer.next - 1;
  const previousTerm = log.term(previous);
  if (previousTerm === undefined) return sendSnapshot(raft, peer);

  // A full window still lets empty appends through: were all messages in it lost, nothing else would ever be answered.
  const isFull = peer.state === 'StateReplicate' && peer.inflights.isFull;
  const entries = isFull ? [] : log.entries(peer.next, settings.maxSizePerMsg);
  if (entries === undefined) return sendSnapshot(raft, peer);
  if (entries.length === 0 && !evenEmpty) return false;

  const message = raft.draft('MsgApp', peer.id);
  message.index = previous;
  message.logTerm = previousTerm;
  message.entries = entries;
  message.commit = log.committed;
  raft.send(message);
  peer.sent(entries.length, dataBytes(entries));
  peer.sentCommitIndex(log.committed);
  return true;
}

function sendSnapshot(raft: Raft, peer: Progress): boolean {
  // Whoever was silent would only let a snapshot go to waste.
  if (!peer.recentActive) return false;
  const snapshot = newestSnapshot(raft);
  if (snapshot === undefined) return false;
  assert(snapshot.index > 0, `member ${peer.id} needs a snapshot and the storage has an empty one`);
  peer.becomeSnapshot(snapshot.index);
  const message = raft.draft('MsgSnap', peer.id);
  message.snapshot = snapshot;
  raft.send(message);
  raft.trace?.(`${raft.id} sends snapshot ${snapshot.index} to ${peer.id}`);
  return true;
}

function newestSnapshot(raft: Raft): Snapshot | undefined {
  try {
    return raft.log.snapshot();
  } catch (error) {
    if (error instanceof RaftError && error.reason === 'SnapshotTemporarilyUnavailable') return undefined;
    throw error;
  }
}

/** Keeps the followers from elections, tells the commit index, and asks for what the waiting reads need. */
export function broadcastHeartbeat(raft: Raft): void {
  const context = raft.reads.heartbeatContext();
  for (const peer of raft.tracker.peers) if (peer.id !== raft.id) sendHeartbeat(raft, peer, context);
}

function sendHeartbeat(raft: Raft, peer: Progress, context: Uint8Array | undefined): void {
  // Never beyond what is known to match: the follower's log may have something else there.
  const commit = Math.min(peer.match, raft.log.committed);
  const message = raft.draft('MsgHeartbeat', peer.id);
  message.commit = commit;
  message.context = context;
  raft.send(message);
  peer.sentCommitIndex(commit);
}

/** Commits what a quorum has; tells whether that is more than before. */
export function tryCommit(raft: Raft): boolean {
  return raft.log.tryCommit(raft.term, raft.tracker.committed());
}

/** Asks a follower that has the whole log to begin an election at once (thesis, 3.10). */
export function sendTimeoutNow(raft: Raft, to: MemberId): void {
  raft.send(raft.draft('MsgTimeoutNow', to));
}
