/**
 * The files of one directory, as the log needs them. The twin of the simulator loses, tears and damages what was not durable.
 * Nobody else may have the directory open: the member's LevelDB is opened first, and its lock keeps a second process out.
 */
export interface WalFiles {
  /** Names, in order. */
  list(): Promise<readonly string[]>;
  /** Opens for reading and writing; makes it when `create`. */
  open(name: string, options: { readonly create: boolean }): Promise<WalFile>;
  /** The new name is durable when it resolves (the directory is synced). An open file stays open under its new name. */
  rename(from: string, to: string): Promise<void>;
  /** Gone, durably, when it resolves. */
  remove(name: string): Promise<void>;
  /** What the disk still has room for. */
  freeBytes(): Promise<number>;
}

/** An open file. Every error is final for the log: after one nobody knows what is on disk. */
export interface WalFile {
  /**
   * Writes all buffers one after the other from `position` on; durable when it resolves (O_DSYNC). After a crash meanwhile
   * each sector of 512 bytes is as it was or as written (any of them), or the write ended at some byte. `isBrief`: nothing
   * else is to be done meanwhile, so the thread may rather wait for the disk itself than have another one woken for it.
   */
  write(buffers: readonly Uint8Array[], position: number, isBrief?: boolean): Promise<void>;
  /** What is there; shorter than `length` only at the end of the file. The caller owns it. */
  read(position: number, length: number): Promise<Uint8Array>;
  size(): Promise<number>;
  close(): Promise<void>;
}
