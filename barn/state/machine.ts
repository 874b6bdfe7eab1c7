import type { BarnError, Compare, Operation, Revision, TxnResult, ValueCounts } from '../barn.ts';
import type { StoreKeys } from '../keys.ts';
import type { ConfChange, ConfState, Entry, MemberId, Snapshot } from '../raft/protocol.ts';
import type { Sealer } from '../seal.ts';
import type { SealingState } from './resealing.ts';
import type { Store } from './store.ts';

/** Who proposed, so that its member can answer the caller when the entry is applied. */
export interface Origin {
  /** A random number of the proposing process's life. */
  readonly session: number;
  /** Unique within the session. */
  readonly request: number;
}

/** What a normal entry asks of the state; `encodeCommand` and `decodeCommand` are its bytes, which begin with a format number. */
export type Command =
  | {
      readonly kind: 'txn';
      readonly origin: Origin;
      readonly compares: readonly Compare[];
      readonly success: readonly Operation[];
      readonly failure: readonly Operation[];
    }
  | { readonly kind: 'compact'; readonly origin: Origin; readonly revision: Revision }
  /** The leader's hash at a revision: who has another one there has diverged. */
  | { readonly kind: 'check'; readonly revision: Revision; readonly hash: number }
  | { readonly kind: 'alarm'; readonly origin: Origin; readonly alarm: Alarm; readonly active: boolean }
  /** From this entry on commands of this format may be written, if by then every member has said that it knows it. */
  | { readonly kind: 'format'; readonly format: number };

/** Something an operator must see to (etcd's AlarmType). NOSPACE: puts are refused, reads and deletes go on. */
export interface Alarm {
  readonly kind: 'NOSPACE' | 'CORRUPT';
  readonly member: MemberId;
}

/** What the members' book keeps of a member; as `encodeMemberRecord` the context of the change that added or changed it. */
export interface MemberRecord {
  readonly id: MemberId;
  readonly name: string;
  /** Where its peers find it: https://host:port. */
  readonly peerUrl: string;
  /** Where clients find it, once it has said so. */
  readonly clientUrl?: string;
  /** The newest command format it can read. */
  readonly format: number;
}

/** A committed entry; a change of the configuration brings what the core made of it: neither when it was refused. */
export interface CommittedEntry extends Entry {
  readonly confState?: ConfState;
  readonly confChange?: ConfChange;
}

/** With whom a new group begins: the same for all who found it. One who joins later begins with nobody. */
export interface Founding {
  readonly members: readonly MemberRecord[];
  readonly confState: ConfState;
}

/** What came of a command of some member's caller. */
export interface Outcome {
  readonly origin: Origin;
  /** A function when values of it are on disk: it reads them as of the same turn. */
  readonly result: TxnResult | BarnError | (() => Promise<TxnResult>) | undefined;
}

/** The replicated state of one member: committed entries go in, in order; everything that reads the store reads here. */
export interface StateMachine {
  readonly store: Store;
  /**
   * The last entry applied. A founded state stands at index 1 of term 1 and a restored one at 2, where its log begins, so
   * that whoever joins later gets it as a snapshot; the empty state of one who joins stands at 0.
   */
  readonly applied: Snapshot;
  /** The last entry that a synced batch on disk covers: only up to it the log may go. */
  readonly durable: Snapshot;
  readonly members: readonly MemberRecord[];
  readonly alarms: readonly Alarm[];
  /** Why nothing may be put now (NoSpace): a disk of the group is nearly full. Undefined: nothing stands against it. */
  readonly noSpace: BarnError | undefined;
  /** The running hash of all events up to the state's revision; equal on all members at equal revision. */
  readonly hash: number;
  /** The newest command format that may be written, and the newest that all members have said they know (0: one said nothing). */
  readonly format: number;
  readonly formatKnown: number;
  /** What its files are sealed with. */
  readonly sealer: Sealer;
  /**
   * Applies, tells the watchers and returns what became of each command; entries at or below `applied` are skipped. Never
   * waits for the disk. Throws BarnError Corrupt when an entry cannot be read or a check shows that this member diverged.
   */
  apply(entries: readonly CommittedEntry[]): readonly Outcome[];
  /** The state as of `applied`, as a stream of chunks with a running hash; unaffected by what is applied meanwhile. */
  snapshot(signal?: AbortSignal): { readonly meta: Snapshot; readonly chunks: AsyncIterable<Uint8Array> };
  /**
   * Replaces everything by a snapshot, in memory and on disk, atomically: a crash leaves the old or the new. Watches end with
   * Compacted unless the new history covers what they have not read. Resolves with what is applied then: more than the snapshot
   * when that came too late. Entries may be applied meanwhile. Errors: Corrupt, or NoSpace when it needs more than
   * `roomBytes`, and then nothing has changed; Storage.
   */
  install(chunks: AsyncIterable<Uint8Array>, roomBytes?: number): Promise<Snapshot>;
  /** Where history should be compacted since it reached its bound: the leader proposes it, so that all compact at one entry. */
  compactionDue(): Revision | undefined;
  /** While the disk lags too far behind: resolves when more may be applied; rejects when the disk failed. `apply` works all the same. */
  room(): Promise<void> | undefined;
  /** The disk failed (Storage) or an install could not be finished: the member must end. Called once, then everything throws it. */
  onFailed(listener: (error: BarnError) => void): void;
  /** Called with `durable` whenever it moved. */
  onDurable(listener: (durable: Snapshot) => void): void;
  readonly sealing: SealingState;
  /**
   * Goes over to other keys, and seals everything anew in the background. Errors: Storage when one that is still needed is not
   * among them or the disk refuses; Overloaded while a snapshot is installed: try again.
   */
  useKeys(keys: StoreKeys): Promise<void>;
  /** Values in memory, and how many were read back. */
  readonly values: ValueCounts;
  sizeBytes(): Promise<number>;
  /**
   * Gives back to the file system what was deleted since the last time; false when that was nothing, or is not over yet.
   * Errors: Storage, and then the member ends.
   */
  reclaim(): Promise<boolean>;
  /** Writes and syncs what is still in memory, then closes the disk. */
  close(): Promise<void>;
}
