import { emptyConfState } from './empty.ts';
import type { Progress } from './progress.ts';
import type { ConfState, MemberId } from './protocol.ts';
import { type AckedIndexes, jointCommittedIndex, jointVoteResult, type VoteResult } from './quorum.ts';

/** What is known of each member. */
export type ProgressById = ReadonlyMap<MemberId, Progress>;

/** How a vote stands, with the counts of those that have a say. */
export interface Tally {
  readonly granted: number;
  readonly rejected: number;
  readonly result: VoteResult;
}

/** The active configuration, what the leader knows of each member, and the votes of the running election. */
export class Tracker implements AckedIndexes {
  config: ConfState = emptyConfState;
  /** In the order of their ids, which is the order of sends. */
  peers: readonly Progress[] = [];
  /** Voters of both halves, ascending. */
  voters: readonly MemberId[] = [];
  private byId: ProgressById = new Map();
  private readonly votes = new Map<MemberId, boolean>();

  get(id: MemberId): Progress | undefined {
    return this.byId.get(id);
  }

  get progress(): ProgressById {
    return this.byId;
  }

  /** Takes over a configuration and the progress of its members. */
  use(config: ConfState, progress: ProgressById): void {
    this.config = config;
    this.byId = progress;
    this.peers = [...progress.values()].toSorted((one, other) => one.id - other.id);
    const voters = new Set([...config.voters, ...config.votersOutgoing]);
    this.voters = [...voters].toSorted((one, other) => one - other);
  }

  get isSingleton(): boolean {
    return this.config.voters.length === 1 && this.config.votersOutgoing.length === 0;
  }

  ackedIndex(id: MemberId): number | undefined {
    return this.byId.get(id)?.match;
  }

  /** The largest index that a quorum has in its log. */
  committed(): number {
    return jointCommittedIndex(this.config, this);
  }

  /** Whether a quorum was heard of lately; the leader counts itself by its own flag. */
  isQuorumActive(): boolean {
    const active = new Map<MemberId, boolean>();
    for (const peer of this.peers) if (!peer.isLearner) active.set(peer.id, peer.recentActive);
    return jointVoteResult(this.config, active) === 'VoteWon';
  }

  resetVotes(): void {
    this.votes.clear();
  }

  /** The first vote of a member counts. */
  recordVote(id: MemberId, granted: boolean): void {
    if (!this.votes.has(id)) this.votes.set(id, granted);
  }

  tally(): Tally {
    let granted = 0;
    let rejected = 0;
    for (const peer of this.peers) {
      const vote = peer.isLearner ? undefined : this.votes.get(peer.id);
      if (vote === true) granted++;
      else if (vote === false) rejected++;
    }
    return { granted, rejected, result: jointVoteResult(this.config, this.votes) };
  }
}
