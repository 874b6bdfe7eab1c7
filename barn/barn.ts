// The first narrow waist: a revisioned key-value store of bytes, shaped like etcd's KV and Watch services
// (https://etcd.io/docs/v3.4/learning/api/). It knows no kinds. Twins: memory, the embedded store; one conformance suite.

import type { StoreKeys } from './keys.ts';
import type { PeerCredentials } from './transport/credentials.ts';

/** The store's logical time: grows by one with every transaction that changes something. 0 is "unset". */
export type Revision = number;

/** Keys are printable ASCII, 1 to 1,024 characters, so that string order is byte order; anything else is refused. */
export type Key = string;

/** One key as of a revision. `version` counts the writes since the key was (re)created, from 1. */
export interface KeyValue {
  readonly key: Key;
  /** Owned by the store: never change it. Empty when only keys were asked for. */
  readonly value: Uint8Array;
  readonly createRevision: Revision;
  readonly modRevision: Revision;
  readonly version: number;
}

/** How to look at a range. */
export interface RangeOptions {
  /** The state as of this revision; 0 or absent means now. */
  readonly revision?: Revision;
  /** At most so many; 0 or absent means all. */
  readonly limit?: number;
  readonly keysOnly?: boolean;
  /** May answer from this member's own state without asking the others; may be stale. */
  readonly serializable?: boolean;
}

/** The keys of a range at one revision. */
export interface RangeResult {
  /** The store's revision when it answered (not the one that was asked for). */
  readonly revision: Revision;
  /** In key order. */
  readonly items: readonly KeyValue[];
  /** Whether the limit cut something off. */
  readonly more: boolean;
  /** How many keys the range holds at that revision, whatever the limit. */
  readonly count: number;
}

/**
 * A condition on one key; a key that is absent has version, create and mod revision 0, and no value: a comparison of its
 * value never holds, '!=' neither (as in etcd).
 */
export type Compare =
  | {
      readonly target: 'version' | 'create' | 'mod';
      readonly key: Key;
      readonly op: '=' | '!=' | '<' | '>';
      readonly number: number;
    }
  | { readonly target: 'value'; readonly key: Key; readonly op: '=' | '!='; readonly value: Uint8Array };

/** What a put stores is copied. Operations see what those before them in the branch did. */
export type Operation =
  | { readonly do: 'put'; readonly key: Key; readonly value: Uint8Array }
  | { readonly do: 'delete'; readonly key: Key }
  | { readonly do: 'get'; readonly key: Key };

/** What a transaction did and found. */
export interface TxnResult {
  readonly succeeded: boolean;
  /** The revision the transaction made, or the current one when it changed nothing. */
  readonly revision: Revision;
  /** One entry an operation of the branch taken: the key after a put, before a delete, as found by a get. */
  readonly results: readonly (KeyValue | undefined)[];
}

/** One change of one key. */
export interface BarnEvent {
  readonly type: 'put' | 'delete';
  /** For a delete: the key, an empty value, and the deleting revision as modRevision. */
  readonly kv: KeyValue;
  /** What was there before, when asked for with `prevValue`. */
  readonly prev?: KeyValue;
}

/** All events of one revision at once (never split), or, without events, the news that all up to `revision` was delivered. */
export interface WatchBatch {
  readonly revision: Revision;
  readonly events: readonly BarnEvent[];
}

/** What a watch gives beside its events, and when it ends. */
export interface WatchOptions {
  readonly prevValue?: boolean;
  /** Also give empty batches: one right after the backlog, and one whenever the store's revision moved without an event here (at most every 200 ms). */
  readonly progress?: boolean;
  readonly signal?: AbortSignal;
}

/** A member of the group that keeps the store. */
export interface Member {
  /** 1 to 2^53 - 1; written in hexadecimal, as etcd does. */
  readonly id: number;
  readonly name: string;
  /** Where the others find it; empty when there are no others. */
  readonly peerUrl: string;
  /** Where clients find it; empty when it has not said so yet. */
  readonly clientUrl: string;
  /** A learner gets everything and has no vote. */
  readonly voter: boolean;
}

/** Something an operator must see to. NOSPACE: a disk is nearly full. CORRUPT: a member's state differs from the others'. */
export interface BarnAlarm {
  readonly kind: 'NOSPACE' | 'CORRUPT';
  readonly member: number;
}

/** Where the asked member stands; `sizeBytes` is what it takes on disk, or in memory when it has none. */
export interface MemberStatus {
  readonly name: string;
  readonly revision: Revision;
  readonly compactRevision: Revision;
  /** The leader's name; empty when there is none. */
  readonly leader: string;
  readonly sizeBytes: number;
  /** The running hash of all events up to `revision`; equal on all members at equal revision. 0 where nobody keeps one. */
  readonly hash: number;
  readonly alarms: readonly BarnAlarm[];
  /** Only of an embedded store: in which format its members write entries, and the newest that the asked one knows. */
  readonly format?: { readonly written: number; readonly known: number };
  /** The disk of a member that has one: what is free, and what must be; with less nothing is put (NOSPACE). */
  readonly disk?: { readonly freeBytes: number; readonly reserveBytes: number };
  /** Only of a member of a Raft group. */
  readonly raft?: {
    readonly id: number;
    readonly leader: number;
    readonly term: number;
    /** The last index known to be committed, and the last one applied here. */
    readonly committed: number;
    readonly applied: number;
    readonly isLearner: boolean;
  };
}

/** The store. After `close`, or a failed write (Storage), everything is refused; rejections are BarnErrors. */
export interface Barn {
  /** Keys in [start, end); `end` absent means the one key `start`. Linearizable unless `serializable`. Errors: Compacted, FutureRevision. */
  range(start: Key, end?: Key, options?: RangeOptions): Promise<RangeResult>;
  /** Atomically: all compares hold → success, else → failure. No key may be written twice in one (DuplicateKey). Durable when it resolves. */
  txn(compares: readonly Compare[], success: readonly Operation[], failure?: readonly Operation[]): Promise<TxnResult>;
  /**
   * Every event on [start, end) from `fromRevision` on (0: from now; one in the future: from there on), in order, none missing,
   * none twice. Readers get the same objects: never change them. One `next` at a time; `return` unsubscribes.
   * Rejects with Compacted when the revision is gone, Overloaded when too many watch. Registered when the promise resolves.
   * Ends with BarnError Compacted when what the reader has still to catch up on is compacted away, with Overrun when more than
   * `watchBufferBytesMax` waited for it, with Closed or Storage when the store ends; quietly when the signal aborts.
   */
  watch(
    start: Key,
    end: Key | undefined,
    fromRevision: Revision,
    options?: WatchOptions,
  ): Promise<AsyncIterableIterator<WatchBatch>>;
  /** A revision not older than any write acknowledged before the call. */
  readIndex(): Promise<Revision>;
  /** Forgets history below `revision`; what is current stays. Less than before changes nothing. Errors: FutureRevision. */
  compact(revision: Revision): Promise<void>;
  members(): Promise<readonly Member[]>;
  status(): Promise<MemberStatus>;
  /** A consistent copy as a stream of chunks; of a member with encryption keys it is sealed unless `open` asks for it plainly. */
  snapshot(signal?: AbortSignal, options?: { readonly open?: boolean }): AsyncIterable<Uint8Array>;
  close(): Promise<void>;
}

/** Times in seconds, counted in buckets; `counts` has one more than `buckets`, for what is above the last. */
export interface TimeCounts {
  readonly buckets: readonly number[];
  readonly counts: readonly number[];
  readonly sum: number;
}

/** What a member has counted since it began, and what it has under way. */
export interface MemberCounts {
  readonly leaderChanges: number;
  /** Writes asked for here that wait for the group, and those that were refused or had no answer. */
  readonly proposalsPending: number;
  readonly proposalsFailed: number;
  readonly logBytes: number;
  /** Times of the synced writes to the log. */
  readonly syncs: TimeCounts;
  readonly snapshotsSent: number;
  readonly snapshotsReceived: number;
  /** Peers with a live connection. */
  readonly connected: number;
  readonly sealing: SealingCounts;
  readonly values: ValueCounts;
}

/** Bytes of values that are held in memory, and how many values were read back from the disk since they had left it. */
export interface ValueCounts {
  readonly memoryBytes: number;
  readonly read: number;
}

/** What encrypts a member's files: names of keys, or `plain` for what is in the open. Another one than `current` is still needed. */
export interface SealingCounts {
  readonly current: string;
  readonly log: readonly string[];
  readonly state: readonly string[];
  /** Records of the state that are still to be sealed with the current key. */
  readonly left: number;
}

/** Two members by their ids: one that goes, and the learner that votes in its place. */
export interface Replacement {
  readonly old: number;
  readonly by: number;
}

/** A store that is kept by a group of members, and what an operator does with it. Changes go through the leader, from any member. */
export interface ReplicatedBarn extends Barn {
  /** Adds a learner that will be found at `peerUrl`; resolves once the group knows it. Errors: Membership, NoLeader, Unknown. */
  addLearner(name: string, peerUrl: string): Promise<Member>;
  /** Makes a learner that has caught up a voter. Errors: Membership (also while it lags), NoLeader, Unknown. */
  promote(id: number): Promise<Member>;
  /**
   * Lets learners that have caught up vote in the place of other members, who are out then: all in one step, so that the number of
   * voters stays and one majority follows another. Resolves when it is done. Errors: as of `promote` and `remove`.
   */
  replace(replacements: readonly Replacement[]): Promise<void>;
  /** Takes a member out; refused when those left, as far as they are connected, would be no quorum. Errors: Membership, … */
  remove(id: number): Promise<void>;
  /** Resolves once `id` leads. Errors: Membership (no voter), Unknown (in time nothing came of it). */
  transferLeader(id: number): Promise<void>;
  /** Takes an alarm back after its cause was removed. */
  disarm(alarm: BarnAlarm): Promise<void>;
  /** For metrics. Errors: Unknown (no answer in time). */
  counts(): Promise<MemberCounts>;
  /** Before a planned stop: gives leadership away if it can. Resolves when another leads, or after an election's time. */
  stepDown(): Promise<void>;
}

/** A member of the group in this process. */
export interface EmbeddedBarn extends ReplicatedBarn {
  /**
   * Goes over to other keys for this member's files while it serves, and seals everything anew in the background; `counts` says
   * how far it is. Errors: Storage when one that is still needed is missing, Overloaded (try again), Unknown.
   */
  useKeys(keys: StoreKeys): Promise<void>;
  /**
   * Shows peers these credentials, and checks peers by them, on all connections from now on; those that stand go on.
   * Errors: Membership when they cannot be used, and the ones before stay; Unknown.
   */
  useCredentials(credentials: PeerCredentials): Promise<void>;
}

/** Why the store refused or ended. */
export type BarnReason =
  | 'Compacted'
  | 'FutureRevision'
  | 'DuplicateKey'
  | 'InvalidKey'
  | 'TooLarge'
  | 'Overrun'
  /** Too much waits for the disk, or too many watch: try again later. */
  | 'Overloaded'
  /** There is no leader, or it changed before the proposal was taken: nothing was done, try again. */
  | 'NoLeader'
  /** No answer in time: what was asked for may or may not happen. Never retried by the store. */
  | 'Unknown'
  /** The disk of a member is nearly full: puts are refused until an operator freed space and disarmed the alarm. */
  | 'NoSpace'
  /** A change of the members that is not allowed now: the message says what stands against it. */
  | 'Membership'
  | 'Closed'
  | 'Storage'
  | 'Corrupt';

/** Branch on `reason`. `compactRevision` comes with Compacted. */
export class BarnError extends Error {
  override readonly name = 'BarnError';
  readonly reason: BarnReason;
  readonly compactRevision: Revision;

  constructor(reason: BarnReason, message: string, options?: { cause?: unknown; compactRevision?: Revision }) {
    super(message, { cause: options?.cause });
    this.reason = reason;
    this.compactRevision = options?.compactRevision ?? 0;
  }
}

/** The end of the range of all keys that start with `prefix`. */
export function prefixEnd(prefix: Key): Key {
  return prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1);
}
