import { assert } from '../../base/index.ts';
import { restoreConfState } from './membership.ts';
import type { RaftConfig } from './protocol.ts';
import { Raft } from './raft.ts';
import { becomeFollower } from './roles.ts';

/** A member as its storage left it: a follower without a leader. */
export function startRaft(config: RaftConfig): Raft {
  const raft = new Raft(config);
  const { hardState, confState } = config.storage.initialState();
  restoreConfState(raft, confState);
  const { term, vote, commit } = hardState;
  if (term !== 0 || vote !== 0 || commit !== 0) {
    const { committed } = raft.log;
    const last = raft.log.lastIndex();
    assert(commit >= committed && commit <= last, `stored commit ${commit} is outside the log [${committed}, ${last}]`);
    raft.log.committed = commit;
    raft.term = term;
    raft.vote = vote;
  }
  if (config.applied > 0) raft.log.appliedTo(config.applied, 0);
  becomeFollower(raft, raft.term, 0);
  return raft;
}
