import { requestVotes } from './election.ts';
import type { Message, RaftReason } from './protocol.ts';
import type { Raft } from './raft.ts';
import { broadcastAppend } from './replication.ts';
import { becomeFollower, becomeLeader } from './roles.ts';
import { follow } from './step-follower.ts';

/** What a candidate does with a message, also one that only asks whether it could win. */
export function stepCandidate(raft: Raft, message: Message): RaftReason | undefined {
  switch (message.type) {
    case 'MsgProp':
      return 'ProposalDropped';
    case 'MsgApp':
    case 'MsgHeartbeat':
    case 'MsgSnap':
      // Somebody else won this term (Raft, 5.2).
      becomeFollower(raft, message.term, message.from);
      follow(raft, message);
      return undefined;
    case 'MsgVoteResp':
    case 'MsgPreVoteResp':
      // An answer to a pre-vote may come late, when the vote itself is on.
      if ((message.type === 'MsgPreVoteResp') === (raft.role === 'StatePreCandidate')) countVote(raft, message);
      return undefined;
    default:
      return undefined;
  }
}

function countVote(raft: Raft, message: Message): void {
  raft.tracker.recordVote(message.from, !message.reject);
  const { granted, rejected, result } = raft.tracker.tally();
  raft.trace?.(`${raft.id} has ${granted} votes and ${rejected} rejections at term ${raft.term}`);
  if (result === 'VoteLost') {
    becomeFollower(raft, raft.term, 0);
  } else if (result === 'VoteWon') {
    if (raft.role === 'StatePreCandidate') {
      requestVotes(raft, 'election');
    } else {
      becomeLeader(raft);
      broadcastAppend(raft);
    }
  }
}
