import type { Entry, HardState, Snapshot } from '../raft/protocol.ts';

/** What the log held at start, damage repaired or refused. */
export interface LoadedLog {
  /** Where it begins: everything up to this index is in the state; index 0 for a new log. */
  readonly snapshot: Snapshot;
  /** The last one written; undefined for a new log. */
  readonly hardState: HardState | undefined;
  /** Consecutive from snapshot.index + 1 on; what a later leader overwrote is gone. */
  readonly entries: readonly Entry[];
  /** Bytes of a torn last write that were cut off; 0 when it ended well. */
  readonly tornBytes: number;
}

/** What one turn adds; written in one record. A snapshot starts the log anew at its index. */
export interface LogWrite {
  readonly hardState?: HardState;
  readonly entries: readonly Entry[];
  readonly snapshot?: Snapshot;
  /** Nothing else is to be done before it is durable: see WalFile.write. */
  readonly isBrief?: boolean;
}

/**
 * The write-ahead log of one member. Writes that come while one is under way go together in the next. After a failed write
 * everything is refused and the process must end: a failed sync is never retried.
 */
export interface Wal {
  /** Durable when it resolves; in the order of the calls. */
  append(write: LogWrite): Promise<void>;
  /** Up to this index (with its term and configuration) the state is durable: older segments are recycled or removed. */
  release(snapshot: Snapshot): Promise<void>;
  /** What its records are sealed with: names of keys, or `plain`. */
  keys(): ReadonlySet<string>;
  /**
   * Writes all anew that is not sealed as it would be now. Resolves when nothing on disk needs another key; appends go on
   * before and after. Errors: Corrupt, Storage.
   */
  reseal(): Promise<void>;
  sizeBytes(): number;
  /** Waits for what is under way. */
  close(): Promise<void>;
}
