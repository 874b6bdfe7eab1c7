import type { Progress, ProgressState } from './progress.ts';
import type { ConfState, MemberId, Role } from './protocol.ts';
import type { Raft } from './raft.ts';

/** Where a member stands. */
export interface BasicStatus {
  readonly id: MemberId;
  readonly term: number;
  readonly vote: MemberId;
  readonly commit: number;
  readonly applied: number;
  readonly lastIndex: number;
  /** 0: nobody that it knows of. */
  readonly leader: MemberId;
  readonly role: Role;
  readonly isLearner: boolean;
  /** To whom leadership is being transferred; 0: nobody. */
  readonly transferee: MemberId;
}

/** What the leader knows of a member. */
export interface ProgressStatus {
  readonly id: MemberId;
  readonly match: number;
  readonly next: number;
  readonly state: ProgressState;
  readonly isLearner: boolean;
  /** Nothing is sent to it at the moment. */
  readonly isPaused: boolean;
  /** Heard of since the last check of the quorum. */
  readonly recentActive: boolean;
  /** The index of the snapshot on its way; else 0. */
  readonly pendingSnapshot: number;
  /** Appends on their way. */
  readonly inflight: number;
  readonly isInflightFull: boolean;
}

/** Where a member stands, the configuration, and on the leader every member's progress, by id. */
export interface Status extends BasicStatus {
  readonly config: ConfState;
  /** Empty unless it leads. */
  readonly progress: readonly ProgressStatus[];
}

/** Cheap: one object. */
export function basicStatusOf(raft: Raft): BasicStatus {
  return {
    id: raft.id,
    term: raft.term,
    vote: raft.vote,
    commit: raft.log.committed,
    applied: raft.log.applied,
    lastIndex: raft.log.lastIndex(),
    leader: raft.leader,
    role: raft.role,
    isLearner: raft.isLearner,
    transferee: raft.transferee,
  };
}

/** A copy of everything there is to know. */
export function statusOf(raft: Raft): Status {
  const progress = raft.role !== 'StateLeader' ? [] : raft.tracker.peers.map(progressOf);
  return { ...basicStatusOf(raft), config: raft.tracker.config, progress };
}

/** A copy of what is known of a member. */
export function progressOf(peer: Progress): ProgressStatus {
  return {
    id: peer.id,
    match: peer.match,
    next: peer.next,
    state: peer.state,
    isLearner: peer.isLearner,
    isPaused: peer.isPaused,
    recentActive: peer.recentActive,
    pendingSnapshot: peer.pendingSnapshot,
    inflight: peer.inflights.count,
    isInflightFull: peer.inflights.isFull,
  };
}
