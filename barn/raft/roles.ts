// What changes when a member becomes follower, candidate or leader (Raft, 5.1 and 5.2).
import { assert } from '../../base/index.ts';
import { appendEntries } from './append-entries.ts';
import { PendingReads } from './pending-reads.ts';
import type { MemberId } from './protocol.ts';
import type { Raft } from './raft.ts';

/** Follows `leader` (0: it does not know whom) in `term`. */
export function becomeFollower(raft: Raft, term: number, leader: MemberId): void {
  reset(raft, term);
  raft.leader = leader;
  raft.role = 'StateFollower';
  raft.trace?.(`${raft.id} became follower at term ${raft.term}`);
}

/** Asks whether an election could be won, without a new term and without a vote (thesis, 9.6). */
export function becomePreCandidate(raft: Raft): void {
  assert(raft.role !== 'StateLeader', 'a leader cannot become a pre-candidate');
  raft.tracker.resetVotes();
  raft.leader = 0;
  raft.role = 'StatePreCandidate';
  raft.trace?.(`${raft.id} became pre-candidate at term ${raft.term}`);
}

/** A new term, and the own vote in it. */
export function becomeCandidate(raft: Raft): void {
  assert(raft.role !== 'StateLeader', 'a leader cannot become a candidate');
  reset(raft, raft.term + 1);
  raft.vote = raft.id;
  raft.role = 'StateCandidate';
  raft.trace?.(`${raft.id} became candidate at term ${raft.term}`);
}

/** Leads, and says so with an empty entry: what came before can only be committed under it (Raft, 5.4.2 and 8). */
export function becomeLeader(raft: Raft): void {
  assert(raft.role !== 'StateFollower', 'a follower cannot become leader without an election');
  reset(raft, raft.term);
  raft.leader = raft.id;
  raft.role = 'StateLeader';
  const self = raft.tracker.get(raft.id);
  assert(self !== undefined, `leader ${raft.id} is no member`);
  self.becomeReplicate();
  self.recentActive = true;
  // There may be a change of the configuration among the uncommitted entries: none is proposed before they are applied.
  raft.pendingConfIndex = raft.log.lastIndex();
  appendEntries(raft, [{ type: 'EntryNormal', data: noData }]);
  raft.trace?.(`${raft.id} became leader at term ${raft.term}`);
}

const noData = new Uint8Array(0);

function reset(raft: Raft, term: number): void {
  if (raft.term !== term) {
    raft.term = term;
    raft.vote = 0;
  }
  raft.leader = 0;
  raft.electionElapsed = 0;
  raft.heartbeatElapsed = 0;
  const { electionTick, random } = raft.settings;
  raft.electionTimeout = electionTick + random(electionTick);
  raft.transferee = 0;
  raft.tracker.resetVotes();
  const last = raft.log.lastIndex();
  for (const peer of raft.tracker.peers) peer.restart(peer.id === raft.id ? last : 0, last + 1);
  raft.pendingConfIndex = 0;
  raft.uncommittedBytes = 0;
  raft.reads = new PendingReads();
}
