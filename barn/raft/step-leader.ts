import { confirmReads, readAsLeader, releaseEarlyReads } from './leader-reads.ts';
import type { Progress } from './progress.ts';
import { proposeAsLeader } from './proposals.ts';
import type { Message, RaftReason } from './protocol.ts';
import type { Raft } from './raft.ts';
import { broadcastAppend, sendAppend, sendTimeoutNow, tryCommit } from './replication.ts';

/** What a leader does with a message. */
export function stepLeader(raft: Raft, message: Message): RaftReason | undefined {
  if (message.type === 'MsgProp') return proposeAsLeader(raft, message.entries);
  if (message.type === 'MsgReadIndex') {
    readAsLeader(raft, message);
    return undefined;
  }
  const peer = raft.tracker.get(message.from);
  if (peer === undefined) return undefined;
  switch (message.type) {
    case 'MsgAppResp':
      // Nobody can have what was never in this log.
      if (!message.reject && message.index > raft.log.lastIndex()) return 'Malformed';
      peer.recentActive = true;
      if (message.reject) appendRejected(raft, peer, message);
      else appendAccepted(raft, peer, message.index);
      return undefined;
    case 'MsgHeartbeatResp':
      heartbeatAnswered(raft, peer, message);
      return undefined;
    case 'MsgTransferLeader':
      transferTo(raft, peer);
      return undefined;
    default:
      return undefined;
  }
}

/** The logs did not agree there: probes where they may, by the follower's hint and by the own terms, once a term. */
function appendRejected(raft: Raft, peer: Progress, message: Message): void {
  const { rejectHint, logTerm } = message;
  const probe = logTerm > 0 ? raft.log.lastPossibleMatch(rejectHint, logTerm) : rejectHint;
  if (!peer.decrease(message.index, probe)) return;
  if (peer.state === 'StateReplicate') peer.becomeProbe();
  sendAppend(raft, peer, true);
}

function appendAccepted(raft: Raft, peer: Progress, index: number): void {
  // An answer without news still ends a probe.
  if (!peer.update(index) && !(peer.match === index && peer.state === 'StateProbe')) return;
  if (peer.state === 'StateProbe') {
    peer.becomeReplicate();
  } else if (peer.state === 'StateReplicate') {
    peer.inflights.freeUpTo(index);
  } else if (peer.match + 1 >= raft.log.firstIndex()) {
    // Whatever snapshot it was: the log goes on from there. By way of probe, which takes the snapshot into account.
    peer.becomeProbe();
    peer.becomeReplicate();
  }

  const isOther = peer.id !== raft.id;
  if (tryCommit(raft)) {
    releaseEarlyReads(raft);
    broadcastAppend(raft);
  } else if (isOther && peer.canBumpCommit(raft.log.committed)) {
    sendAppend(raft, peer, true);
  }
  // The window may have room for more than one message now.
  if (isOther) while (sendAppend(raft, peer, false));
  if (peer.id === raft.transferee && peer.match === raft.log.lastIndex()) sendTimeoutNow(raft, peer.id);
}

function heartbeatAnswered(raft: Raft, peer: Progress, message: Message): void {
  peer.recentActive = true;
  peer.isFlowPaused = false;
  // Empty when the window is full: if all in it was lost, the answer to this one shows it.
  if (peer.match < raft.log.lastIndex() || peer.state === 'StateProbe') sendAppend(raft, peer, true);
  if (message.context !== undefined && message.context.length > 0) confirmReads(raft, peer.id, message.context);
}

/** The follower could not be reached: what was on its way may be lost. */
export function peerUnreachable(peer: Progress): void {
  if (peer.state === 'StateReplicate') peer.becomeProbe();
}

/** The snapshot was sent, or failed. Either way nothing is sent before the follower answers or a heartbeat goes round. */
export function snapshotReported(peer: Progress, ok: boolean): void {
  if (peer.state !== 'StateSnapshot') return;
  if (!ok) peer.pendingSnapshot = 0;
  peer.becomeProbe();
  peer.isFlowPaused = true;
}

/** Lets the other catch up, then asks it to begin an election (thesis, 3.10). One election timeout long. */
function transferTo(raft: Raft, peer: Progress): void {
  if (peer.isLearner || raft.transferee === peer.id) return;
  raft.transferee = 0;
  if (peer.id === raft.id) return;
  raft.trace?.(`${raft.id} starts to transfer leadership to ${peer.id}`);
  raft.electionElapsed = 0;
  raft.transferee = peer.id;
  if (peer.match === raft.log.lastIndex()) sendTimeoutNow(raft, peer.id);
  else sendAppend(raft, peer, true);
}
