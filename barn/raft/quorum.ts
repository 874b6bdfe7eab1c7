// What a majority has, and what two majorities have while a configuration is joint (Raft, 6; thesis, 4.3).
import type { ConfState, MemberId } from './protocol.ts';

/** How a vote stands; pending: what is still missing decides. */
export type VoteResult = 'VotePending' | 'VoteLost' | 'VoteWon';

/** How far each voter has acknowledged; undefined when it has said nothing. */
export interface AckedIndexes {
  ackedIndex(id: MemberId): number | undefined;
}

/** The voters of a configuration; `votersOutgoing` is empty unless it is joint. */
export type Voters = Pick<ConfState, 'voters' | 'votersOutgoing'>;

/** The largest index that both majorities have acknowledged; Infinity when there are no voters at all. */
export function jointCommittedIndex(voters: Voters, acked: AckedIndexes): number {
  const incoming = committedIndex(voters.voters, acked);
  if (voters.votersOutgoing.length === 0) return incoming;
  return Math.min(incoming, committedIndex(voters.votersOutgoing, acked));
}

/** The largest index that a majority has acknowledged; Infinity without voters, so that an empty half of two has no say. */
export function committedIndex(voters: readonly MemberId[], acked: AckedIndexes): number {
  const count = voters.length;
  if (count === 0) return Number.POSITIVE_INFINITY;
  sorted.length = 0;
  for (const id of voters) insert(acked.ackedIndex(id) ?? 0);
  return sorted[count - (Math.floor(count / 2) + 1)] ?? 0;
}

/** Ascending; used within one call only, so that counting a quorum allocates nothing. */
const sorted: number[] = [];

function insert(index: number): void {
  let at = sorted.length;
  sorted.push(index);
  for (; at > 0; at--) {
    const before = sorted[at - 1] ?? 0;
    if (before <= index) break;
    sorted[at] = before;
  }
  sorted[at] = index;
}

/** Won when both majorities are won, lost when either is lost. */
export function jointVoteResult(voters: Voters, votes: ReadonlyMap<MemberId, boolean>): VoteResult {
  const incoming = voteResult(voters.voters, votes);
  const outgoing = voteResult(voters.votersOutgoing, votes);
  if (incoming === outgoing) return incoming;
  return incoming === 'VoteLost' || outgoing === 'VoteLost' ? 'VoteLost' : 'VotePending';
}

/** How one majority stands; a vote without voters is won, so that an empty half of two has no say. */
export function voteResult(voters: readonly MemberId[], votes: ReadonlyMap<MemberId, boolean>): VoteResult {
  if (voters.length === 0) return 'VoteWon';
  let granted = 0;
  let missing = 0;
  for (const id of voters) {
    const vote = votes.get(id);
    if (vote === undefined) missing++;
    else if (vote) granted++;
  }
  const quorum = Math.floor(voters.length / 2) + 1;
  if (granted >= quorum) return 'VoteWon';
  return granted + missing >= quorum ? 'VotePending' : 'VoteLost';
}
