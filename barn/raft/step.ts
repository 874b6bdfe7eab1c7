// What every member does with a message, whatever its role; the rest is in the step of the role.

import { releaseUncommitted } from './append-entries.ts';
import { isTransfer, voteResponse } from './election.ts';
import { dataBytes, entriesBytes } from './entry-size.ts';
import { leaveJointWhenApplied } from './proposals.ts';
import type { Message, RaftReason } from './protocol.ts';
import type { Raft } from './raft.ts';
import { becomeFollower } from './roles.ts';
import { stepCandidate } from './step-candidate.ts';
import { stepFollower } from './step-follower.ts';
import { stepLeader } from './step-leader.ts';

/** Takes a message that was checked (see check-message.ts). The reason when it is refused. */
export function step(raft: Raft, message: Message): RaftReason | undefined {
  if (message.term !== 0 && message.term !== raft.term) {
    if (message.term < raft.term) {
      answerOldTerm(raft, message);
      return undefined;
    }
    if (ignoresInLease(raft, message)) return undefined;
    meetNewTerm(raft, message);
  }

  switch (message.type) {
    case 'MsgVote':
    case 'MsgPreVote':
      answerVote(raft, message);
      return undefined;
    case 'MsgStorageAppendResp':
      if (message.index !== 0) raft.log.unstable.stableTo(message.logTerm, message.index);
      snapshotStored(raft, message);
      return undefined;
    case 'MsgStorageApplyResp':
      entriesApplied(raft, message);
      return undefined;
    default:
      return stepRole(raft, message);
  }
}

function stepRole(raft: Raft, message: Message): RaftReason | undefined {
  switch (raft.role) {
    case 'StateLeader':
      return stepLeader(raft, message);
    case 'StateFollower':
      return stepFollower(raft, message);
    default:
      return stepCandidate(raft, message);
  }
}

/** Who heard of a leader within an election timeout helps nobody to depose it (thesis, 4.2.3). */
function ignoresInLease(raft: Raft, message: Message): boolean {
  if (message.type !== 'MsgVote' && message.type !== 'MsgPreVote') return false;
  const { checkQuorum, electionTick } = raft.settings;
  const inLease = checkQuorum && raft.leader !== 0 && raft.electionElapsed < electionTick;
  if (!inLease || isTransfer(message)) return false;
  raft.trace?.(`${raft.id} ignores ${message.type} of ${message.from}: its leader was heard of lately`);
  return true;
}

function meetNewTerm(raft: Raft, message: Message): void {
  // A pre-vote changes no term, and one that was granted carries the term that was asked for.
  if (message.type === 'MsgPreVote' || (message.type === 'MsgPreVoteResp' && !message.reject)) return;
  const isOfLeader = message.type === 'MsgApp' || message.type === 'MsgHeartbeat' || message.type === 'MsgSnap';
  becomeFollower(raft, message.term, isOfLeader ? message.from : 0);
}

function answerOldTerm(raft: Raft, message: Message): void {
  const { checkQuorum, preVote } = raft.settings;
  if ((checkQuorum || preVote) && (message.type === 'MsgHeartbeat' || message.type === 'MsgApp')) {
    // A leader of an old term cannot be told by a vote of ours, which its followers would ignore: this answer tells it.
    raft.send(raft.draft('MsgAppResp', message.from));
  } else if (message.type === 'MsgPreVote') {
    // Silence could leave one with a longer term and a shorter log waiting for ever.
    const answer = raft.draft('MsgPreVoteResp', message.from);
    answer.reject = true;
    raft.send(answer);
  } else if (message.type === 'MsgStorageAppendResp') {
    // What was appended may have been overwritten since (see storage-messages.ts); a snapshot is of no term.
    snapshotStored(raft, message);
  }
}

function answerVote(raft: Raft, message: Message): void {
  const canVote =
    raft.vote === message.from ||
    (raft.vote === 0 && raft.leader === 0) ||
    (message.type === 'MsgPreVote' && message.term > raft.term);
  const answer = raft.draft(voteResponse(message.type), message.from);
  if (canVote && raft.log.isUpToDate(message.logTerm, message.index)) {
    // Learners vote too: one may have been made a voter without having heard of it. The term is that of the request, since the
    // candidate of a pre-vote would pass over an older one.
    answer.term = message.term;
    if (message.type === 'MsgVote') {
      raft.electionElapsed = 0;
      raft.vote = message.from;
    }
  } else {
    answer.reject = true;
  }
  raft.trace?.(`${raft.id} ${answer.reject ? 'rejects' : 'grants'} ${message.type} of ${message.from}`);
  raft.send(answer);
}

function snapshotStored(raft: Raft, message: Message): void {
  if (message.snapshot === undefined) return;
  raft.log.unstable.stableSnapshotTo(message.snapshot.index);
  appliedTo(raft, message.snapshot.index, 0);
}

function entriesApplied(raft: Raft, message: Message): void {
  const last = message.entries.at(-1);
  if (last === undefined) return;
  appliedTo(raft, last.index, entriesBytes(message.entries));
  releaseUncommitted(raft, dataBytes(message.entries));
}

function appliedTo(raft: Raft, index: number, bytes: number): void {
  const applied = Math.max(index, raft.log.applied);
  raft.log.appliedTo(applied, bytes);
  leaveJointWhenApplied(raft, applied);
}
