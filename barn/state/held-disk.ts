// A disk for tests whose writes wait, succeed or fail when the test says so. Test support, not part of the door.
import type { Disk, DiskView, DiskWrite, DiskWriteOptions } from './disk.ts';

/** A map in memory as a disk. */
export class HeldDisk implements Disk {
  readonly entries = new Map<string, Uint8Array>();
  /** What was asked to be written and is not yet. */
  readonly asked: {
    readonly writes: readonly DiskWrite[];
    readonly sync: boolean;
    succeed(): void;
    fail(error: Error): void;
  }[] = [];
  /** What was written, in order; a cleared prefix stands as the deletions it made. */
  readonly written: { readonly writes: readonly DiskWrite[]; readonly sync: boolean }[] = [];
  /** While false, writes succeed at once. */
  holding = false;
  closed = false;
  reclaimed = 0;
  pageLength = 1_000;
  /** Views that are open. */
  views = 0;

  async get(key: string): Promise<Uint8Array | undefined> {
    return this.entries.get(key);
  }

  async getMany(keys: readonly string[]): Promise<readonly (Uint8Array | undefined)[]> {
    return keys.map((key) => this.entries.get(key));
  }

  getNow(key: string): Uint8Array | undefined {
    return this.entries.get(key);
  }

  view(): DiskView {
    const entries = new Map(this.entries);
    this.views++;
    return {
      getMany: async (keys) => keys.map((key) => entries.get(key)),
      close: async () => {
        this.views--;
      },
    };
  }

  async *pages(prefix: string): AsyncGenerator<readonly (readonly [string, Uint8Array])[]> {
    const page = [...this.entries].filter(([key]) => key.startsWith(prefix)).sort(([a], [b]) => (a < b ? -1 : 1));
    for (let at = 0; at < page.length; at += this.pageLength) yield page.slice(at, at + this.pageLength);
  }

  write(writes: readonly DiskWrite[], { sync }: DiskWriteOptions): Promise<void> {
    return new Promise((resolve, reject) => {
      const succeed = () => {
        this.#apply(writes, sync);
        resolve();
      };
      if (this.holding) this.asked.push({ writes, sync, succeed, fail: reject });
      // Nothing is there in the turn of the call, as on a real disk.
      else queueMicrotask(succeed);
    });
  }

  async clear(prefix: string): Promise<void> {
    const keys = [...this.entries.keys()].filter((key) => key.startsWith(prefix));
    if (keys.length > 0)
      this.#apply(
        keys.map((key) => ({ type: 'del', key })),
        false,
      );
  }

  /** What a crash may leave: another disk with the first `count` batches. */
  after(count: number): HeldDisk {
    const disk = new HeldDisk();
    for (const { writes, sync } of this.written.slice(0, count)) disk.#apply(writes, sync);
    return disk;
  }

  async reclaim(): Promise<void> {
    this.reclaimed++;
  }

  async sizeBytes(): Promise<number> {
    return 0;
  }

  async close(): Promise<void> {
    this.closed = true;
  }

  #apply(writes: readonly DiskWrite[], sync: boolean): void {
    this.written.push({ writes, sync });
    for (const write of writes) {
      if (write.type === 'put') this.entries.set(write.key, write.value);
      else this.entries.delete(write.key);
    }
  }
}

/** Lets everything that is due happen: promises, and what setImmediate put off. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}
