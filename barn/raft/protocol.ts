// What the consensus core says and hears. The shape is that of etcd-io/raft's raftpb and Ready
// (https://pkg.go.dev/go.etcd.io/raft/v3), so that its interaction scripts compare exactly.

/** A member's number: 1 to 2^53 - 1; 0 is nobody. */
export type MemberId = number;

/** Where the local storage threads are addressed, as if they were members. */
export const appendThread: MemberId = -1;
export const applyThread: MemberId = -2;

/** What an entry's data is: the state's business, or a change of the configuration (see conf-change.ts). */
export type EntryType = 'EntryNormal' | 'EntryConfChange' | 'EntryConfChangeV2';

/** One position of the log. Nobody changes it once it was made. */
export interface Entry {
  readonly term: number;
  readonly index: number;
  readonly type: EntryType;
  readonly data: Uint8Array;
}

/** What must be durable before anything that depends on it is said. */
export interface HardState {
  readonly term: number;
  readonly vote: MemberId;
  readonly commit: number;
}

/** A configuration; `votersOutgoing` is not empty while it is joint. All lists ascend. */
export interface ConfState {
  readonly voters: readonly MemberId[];
  readonly learners: readonly MemberId[];
  readonly votersOutgoing: readonly MemberId[];
  readonly learnersNext: readonly MemberId[];
  readonly autoLeave: boolean;
}

/** What a snapshot stands for; its data goes its own way (`data` is for what a test puts there). */
export interface Snapshot {
  readonly index: number;
  readonly term: number;
  readonly confState: ConfState;
  readonly data?: Uint8Array;
}

/** What a message is about; the names are those of raftpb. */
export type MessageType =
  | 'MsgHup'
  | 'MsgBeat'
  | 'MsgProp'
  | 'MsgApp'
  | 'MsgAppResp'
  | 'MsgVote'
  | 'MsgVoteResp'
  | 'MsgSnap'
  | 'MsgHeartbeat'
  | 'MsgHeartbeatResp'
  | 'MsgUnreachable'
  | 'MsgSnapStatus'
  | 'MsgCheckQuorum'
  | 'MsgTransferLeader'
  | 'MsgTimeoutNow'
  | 'MsgReadIndex'
  | 'MsgReadIndexResp'
  | 'MsgPreVote'
  | 'MsgPreVoteResp'
  | 'MsgStorageAppend'
  | 'MsgStorageAppendResp'
  | 'MsgStorageApply'
  | 'MsgStorageApplyResp'
  | 'MsgForgetLeader';

/** One message between members, or between a member and its storage threads. Absent numbers are 0. */
export interface Message {
  readonly type: MessageType;
  readonly to: MemberId;
  readonly from: MemberId;
  readonly term: number;
  readonly logTerm: number;
  readonly index: number;
  readonly entries: readonly Entry[];
  readonly commit: number;
  readonly vote: MemberId;
  readonly reject: boolean;
  readonly rejectHint: number;
  readonly snapshot?: Snapshot;
  readonly context?: Uint8Array;
  /** For storage threads: what to deliver once the work is durable (MsgStorageAppend) or done (MsgStorageApply). */
  readonly responses?: readonly Message[];
}

/** What a member is in its term. */
export type Role = 'StateFollower' | 'StateCandidate' | 'StateLeader' | 'StatePreCandidate';

/** What need not be durable. */
export interface SoftState {
  readonly leader: MemberId;
  readonly role: Role;
}

/** From this commit index on, the read that `context` names may be served once it is applied. */
export interface ReadState {
  readonly index: number;
  readonly context: Uint8Array;
}

/**
 * What is to be done now. With asynchronous storage writes only `messages` (with those to the storage threads), `softState`
 * and `readStates` need doing; the rest is in the messages and repeated here for reading.
 */
export interface Ready {
  /** Only when it changed. */
  readonly softState?: SoftState;
  /** Only when it changed. */
  readonly hardState?: HardState;
  readonly readStates: readonly ReadState[];
  readonly entries: readonly Entry[];
  readonly snapshot?: Snapshot;
  readonly committedEntries: readonly Entry[];
  readonly messages: readonly Message[];
  readonly mustSync: boolean;
}

/** What becomes of one member: a voter, gone, as it was, a learner. */
export type ConfChangeType =
  | 'ConfChangeAddNode'
  | 'ConfChangeRemoveNode'
  | 'ConfChangeUpdateNode'
  | 'ConfChangeAddLearnerNode';

/** A change of the configuration in one entry; several changes, or an explicit transition, go by joint consensus. */
export interface ConfChange {
  readonly transition: 'auto' | 'joint-implicit' | 'joint-explicit';
  readonly changes: readonly { readonly type: ConfChangeType; readonly id: MemberId }[];
  /** Opaque to the core: what the members' book wants to know. */
  readonly context?: Uint8Array;
}

/** What the core reads of the stable log (raft.Storage). Everything answers at once: it is in memory. */
export interface Storage {
  initialState(): { readonly hardState: HardState; readonly confState: ConfState };
  /** Entries in [low, high), at least one, else at most `bytesMax` of data. Errors: RaftError Compacted, Unavailable. */
  entries(low: number, high: number, bytesMax: number): readonly Entry[];
  /** The term of an entry from firstIndex() - 1 to lastIndex(). Errors: Compacted, Unavailable. */
  term(index: number): number;
  lastIndex(): number;
  firstIndex(): number;
  /** The newest snapshot. Errors: SnapshotTemporarilyUnavailable. */
  snapshot(): Snapshot;
}

/** Why the core or its storage refused. */
export type RaftReason =
  | 'Compacted'
  | 'SnapshotOutOfDate'
  | 'Unavailable'
  | 'SnapshotTemporarilyUnavailable'
  | 'ProposalDropped'
  /** A message of a kind that members never send each other. */
  | 'StepLocalMsg'
  /** An answer from somebody who is no member. */
  | 'StepPeerNotFound'
  /** A message that no correct member sends: nothing was done with it. */
  | 'Malformed';

/** Branch on `reason`. */
export class RaftError extends Error {
  override readonly name = 'RaftError';
  readonly reason: RaftReason;

  constructor(reason: RaftReason, message: string) {
    super(message);
    this.reason = reason;
  }
}

/** How a member takes part (raft.Config). Times are in ticks, sizes in bytes. */
export interface RaftConfig {
  readonly id: MemberId;
  readonly electionTick: number;
  readonly heartbeatTick: number;
  readonly storage: Storage;
  /** The last index that the state has applied; entries from there on come again. */
  readonly applied: number;
  readonly asyncStorageWrites: boolean;
  readonly maxSizePerMsg: number;
  readonly maxCommittedSizePerReady: number;
  readonly maxUncommittedEntriesSize: number;
  readonly maxInflightMsgs: number;
  readonly maxInflightBytes: number;
  readonly checkQuorum: boolean;
  readonly preVote: boolean;
  readonly disableProposalForwarding: boolean;
  readonly disableConfChangeValidation: boolean;
  readonly stepDownOnRemoval: boolean;
  /** A whole number in [0, below): the only chance in the core, for the election timeout. */
  readonly random: (below: number) => number;
  /** The core's prose, for whoever follows a protocol line by line; absent: nobody does. */
  readonly trace?: (line: string) => void;
}
