/** One change of the map on disk. */
export type DiskWrite =
  | { readonly type: 'put'; readonly key: string; readonly value: Uint8Array }
  | { readonly type: 'del'; readonly key: string };

/** How a batch is written. */
export interface DiskWriteOptions {
  /** Whether it must be on stable storage, with all batches before it, when the write resolves. */
  readonly sync: boolean;
}

/**
 * An ordered map on disk. Every error is final: after one nobody knows what is on disk, so the store must end.
 * After a crash or a power loss what is there is what the batches up to some batch left, which is none before the last synced one.
 */
export interface Disk {
  get(key: string): Promise<Uint8Array | undefined>;
  /** Entries with `prefix`, in key order, in pages. */
  pages(prefix: string): AsyncIterable<readonly (readonly [string, Uint8Array])[]>;
  /** All or nothing, in the order of the calls. The values are read until it resolves. */
  write(writes: readonly DiskWrite[], options: DiskWriteOptions): Promise<void>;
  /** Deletes all entries with `prefix`, in no order; a crash leaves any of them. Other writes may go on meanwhile. */
  clear(prefix: string): Promise<void>;
  sizeBytes(): Promise<number>;
  close(): Promise<void>;
}
