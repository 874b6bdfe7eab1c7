import { InvariantError } from '../../base/index.ts';
import { campaign } from './election.ts';
import { restoreConfState } from './membership.ts';
import type { Message, RaftReason, Snapshot } from './protocol.ts';
import type { Raft } from './raft.ts';

/** What a follower does with a message. */
export function stepFollower(raft: Raft, message: Message): RaftReason | undefined {
  switch (message.type) {
    case 'MsgProp':
      if (raft.leader === 0 || raft.settings.disableProposalForwarding) return 'ProposalDropped';
      forward(raft, message, 0);
      return undefined;
    case 'MsgApp':
    case 'MsgHeartbeat':
    case 'MsgSnap':
      // Two leaders of one term would mean that somebody voted twice: whatever we did, data would be lost.
      if (raft.leader !== 0 && raft.leader !== message.from)
        throw new InvariantError(`${raft.leader} and ${message.from} both lead term ${raft.term}`);
      raft.electionElapsed = 0;
      raft.leader = message.from;
      follow(raft, message);
      return undefined;
    case 'MsgTransferLeader':
      if (raft.leader !== 0) forward(raft, message, raft.term);
      return undefined;
    case 'MsgTimeoutNow':
      // The leader asked for it, so no pre-vote: nobody was partitioned away.
      campaign(raft, 'transfer');
      return undefined;
    case 'MsgReadIndex':
      if (raft.leader !== 0) forward(raft, message, 0);
      return undefined;
    case 'MsgReadIndexResp':
      if (message.entries[0] !== undefined)
        raft.readStates.push({ index: message.index, context: message.entries[0].data });
      return undefined;
    default:
      return undefined;
  }
}

function forward(raft: Raft, message: Message, term: number): void {
  if (raft.leader !== raft.id) raft.send({ ...message, to: raft.leader, term });
}

/** Does what the leader of this term says. */
export function follow(raft: Raft, message: Message): void {
  if (message.type === 'MsgApp') handleAppend(raft, message);
  else if (message.type === 'MsgHeartbeat') handleHeartbeat(raft, message);
  else handleSnapshot(raft, message);
}

function handleAppend(raft: Raft, message: Message): void {
  const { log } = raft;
  const answer = raft.draft('MsgAppResp', message.from);
  if (message.index < log.committed) {
    answer.index = log.committed;
  } else if (log.tryAppend(message.logTerm, message.index, message.entries, message.commit)) {
    answer.index = message.index + message.entries.length;
  } else {
    // Where the logs may agree, so that the leader need not try every index (Raft, end of 5.3).
    const hint = log.lastPossibleMatch(Math.min(message.index, log.lastIndex()), message.logTerm);
    answer.index = message.index;
    answer.reject = true;
    answer.rejectHint = hint;
    answer.logTerm = log.term(hint) ?? 0;
  }
  raft.send(answer);
}

function handleHeartbeat(raft: Raft, message: Message): void {
  raft.log.commitTo(message.commit);
  const answer = raft.draft('MsgHeartbeatResp', message.from);
  answer.context = message.context;
  raft.send(answer);
}

function handleSnapshot(raft: Raft, message: Message): void {
  const { snapshot } = message;
  if (snapshot === undefined) return;
  const restored = restore(raft, snapshot);
  const answer = raft.draft('MsgAppResp', message.from);
  answer.index = restored ? raft.log.lastIndex() : raft.log.committed;
  raft.send(answer);
}

/** Begins the log anew after the snapshot; false when it brings nothing or is not for this member. */
function restore(raft: Raft, snapshot: Snapshot): boolean {
  const { index, term, confState } = snapshot;
  if (index <= raft.log.committed) return false;
  const isMember = [confState.voters, confState.learners, confState.votersOutgoing].some((ids) =>
    ids.includes(raft.id),
  );
  if (!isMember) {
    raft.trace?.(`${raft.id} ignores snapshot ${index}: it is no member in it`);
    return false;
  }
  if (raft.log.hasEntry(term, index)) {
    raft.log.commitTo(index);
    return false;
  }
  raft.log.restore(snapshot);
  raft.trace?.(`${raft.id} begins anew at snapshot ${index}`);
  restoreConfState(raft, confState);
  return true;
}
