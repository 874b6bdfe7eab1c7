const MiB = 1024 * 1024;

/** When the log of a disk has so much, tables are made of it. */
export const flushBytes = 8 * MiB;
/** The tables that are written anew before their predecessors go, at most (LevelDB: 25 tables of 2 MiB, and those of level 0). */
export const rewriteBytesMax = 64 * MiB;
/** A key and what the disk keeps beside it, roughly. */
export const entryBytes = 100;

/** What a state takes on disk, roughly. */
export function storedBytes({
  bytes,
  versionsCount,
}: {
  readonly bytes: number;
  readonly versionsCount: number;
}): number {
  return bytes + versionsCount * entryBytes;
}

/** One change of the map on disk. */
export type DiskWrite =
  | { readonly type: 'put'; readonly key: string; readonly value: Uint8Array }
  | { readonly type: 'del'; readonly key: string };

/** How a batch is written. */
export interface DiskWriteOptions {
  /** Whether it must be on stable storage, with all batches before it, when the write resolves. */
  readonly sync: boolean;
}

/** Reads what is on disk as of each call, or as of when a view was made. A batch is there once its write has resolved. */
export interface DiskReader {
  /** In the order of the keys; undefined for what is not there. */
  getMany(keys: readonly string[]): Promise<readonly (Uint8Array | undefined)[]>;
}

/** What the disk held when it was made. */
export interface DiskView extends DiskReader {
  close(): Promise<void>;
}

/**
 * An ordered map on disk. Every error is final: after one nobody knows what is on disk, so the store must end.
 * After a crash or a power loss what is there is what the batches up to some batch left, which is none before the last synced one.
 */
export interface Disk extends DiskReader {
  get(key: string): Promise<Uint8Array | undefined>;
  /** As of the call, while the whole thread waits. Throws what `get` rejects with. */
  getNow(key: string): Uint8Array | undefined;
  /** What it holds of what is deleted or overwritten meanwhile takes its room until the view is closed. */
  view(): DiskView;
  /** Entries with `prefix`, in key order, in pages. */
  pages(prefix: string): AsyncIterable<readonly (readonly [string, Uint8Array])[]>;
  /** All or nothing, in the order of the calls. The values are read until it resolves. */
  write(writes: readonly DiskWrite[], options: DiskWriteOptions): Promise<void>;
  /** Deletes all entries with `prefix`, in no order; a crash leaves any of them. Other writes may go on meanwhile. */
  clear(prefix: string): Promise<void>;
  /**
   * Gives the room of what was deleted back to the file system, so that nothing is left in its files of what was deleted or
   * overwritten before, unless an open view still has it. Piece by piece, while other writes wait; ends early when the signal aborts.
   */
  reclaim(signal?: AbortSignal): Promise<void>;
  sizeBytes(): Promise<number>;
  close(): Promise<void>;
}
