import { campaign } from './election.ts';
import type { Raft } from './raft.ts';
import { broadcastHeartbeat } from './replication.ts';
import { becomeFollower } from './roles.ts';

/** One tick of the clock: elections begin and heartbeats leave here. */
export function tick(raft: Raft): void {
  if (raft.role === 'StateLeader') tickHeartbeat(raft);
  else tickElection(raft);
}

function tickElection(raft: Raft): void {
  raft.electionElapsed++;
  if (!raft.isPromotable || raft.electionElapsed < raft.electionTimeout) return;
  raft.electionElapsed = 0;
  campaign(raft, raft.settings.preVote ? 'pre-election' : 'election');
}

function tickHeartbeat(raft: Raft): void {
  raft.heartbeatElapsed++;
  raft.electionElapsed++;
  if (raft.electionElapsed >= raft.settings.electionTick) {
    raft.electionElapsed = 0;
    if (raft.settings.checkQuorum) checkQuorum(raft);
    // What did not succeed within an election timeout is given up: the leader leads on.
    raft.transferee = 0;
  }
  if (raft.role !== 'StateLeader' || raft.heartbeatElapsed < raft.settings.heartbeatTick) return;
  raft.heartbeatElapsed = 0;
  broadcastHeartbeat(raft);
}

/** A leader that hears of no quorum steps down: it could not commit, and others may have elected another (thesis, 6.2). */
function checkQuorum(raft: Raft): void {
  if (!raft.tracker.isQuorumActive()) {
    raft.trace?.(`${raft.id} stepped down: no quorum was active`);
    becomeFollower(raft, raft.term, 0);
  }
  for (const peer of raft.tracker.peers) if (peer.id !== raft.id) peer.recentActive = false;
}
