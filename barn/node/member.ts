// What one member is made of. The product gives it real files, sockets and a worker thread; the simulator gives it twins and
// runs both sides in one thread: nothing in this room reaches for the machine by itself.
import type { Clock, Log, Random } from '../../base/index.ts';
import type { BarnError } from '../barn.ts';
import type { KeyRing } from '../keys.ts';
import type { BarnLimits } from '../limits.ts';
import type { MemberId } from '../raft/protocol.ts';
import type { MemberRecord, StateMachine } from '../state/machine.ts';
import type { Transport, TransportEvents } from '../transport/transport.ts';
import type { WalFiles } from '../wal/files.ts';
import type { WalLimits } from '../wal/limits.ts';
import type { DiskLimits } from './disk-room.ts';
import type { FlowLimits } from './flow-limits.ts';
import type { KeptLimits } from './log-release.ts';

/** Time and size settings of a member. Times in milliseconds. */
export interface MemberTimers {
  /** etcd's --heartbeat-interval. */
  readonly heartbeatMs: number;
  /** etcd's --election-timeout. */
  readonly electionMs: number;
  /** A proposal or a read without an answer after this: Unknown, or NoLeader when it was never taken. */
  readonly requestMs: number;
  /** Without a leader for so long the member is not ready and its watches end. */
  readonly leaderlessMs: number;
}

/** The defaults of the product; heartbeat and election as etcd's. */
export const defaultTimers: MemberTimers = {
  heartbeatMs: 100,
  electionMs: 1_000,
  requestMs: 7_000,
  leaderlessMs: 10_000,
};

/** How this member begins: with those that found the group, or as one that was added to a group that runs. */
export interface MemberIdentity {
  readonly id: MemberId;
  readonly name: string;
  /** Everyone who founds the group, this one too; for `existing`, the members as the group told them. */
  readonly initial: readonly MemberRecord[];
  readonly state: 'new' | 'existing';
  /** Equal for all members of one group: a stranger's messages are refused. */
  readonly clusterId: number;
}

/** The consensus side: Raft, log and peers. It runs in a worker, or beside the other side in the simulator. */
export interface ConsensusParts {
  readonly identity: MemberIdentity;
  readonly files: WalFiles;
  readonly keys: KeyRing | undefined;
  readonly openTransport: (events: TransportEvents) => Promise<Transport>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly timers: MemberTimers;
  readonly port: MessagePortLike;
  /** Bounds of the log and of its way to the others, where they are not the product's. */
  readonly logLimits?: Partial<WalLimits & KeptLimits & FlowLimits>;
}

/** The state side: what callers meet. */
export interface ReplicaParts {
  readonly identity: MemberIdentity;
  readonly machine: StateMachine;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly limits: BarnLimits;
  readonly timers: MemberTimers;
  readonly port: MessagePortLike;
  /** Calls back when this turn of the loop ends (setImmediate): what callers asked for in one turn crosses as one message. */
  readonly atTurnEnd: (callback: () => void) => void;
  /** Where clients find this member; told to the group. */
  readonly clientUrl?: string;
  /** The bytes free on the disk of this member, looked at every so often; absent: nobody looks. */
  readonly freeBytes?: () => Promise<number>;
  /** The bounds of log and state that the disk's reserve follows from, where they are not the product's. */
  readonly diskLimits?: Partial<DiskLimits>;
  /** The member has ended and cannot go on: the owner should end the process. */
  readonly onFailed: (error: BarnError) => void;
}

/** One end of an ordered channel between the two sides: one message a turn and direction. */
export interface MessagePortLike {
  post(message: unknown, transfer?: readonly ArrayBuffer[]): void;
  onMessage(listener: (message: unknown) => void): void;
  close(): void;
}
