import type { WalFile, WalFiles } from './files.ts';

/** A write that is about to happen. */
export interface FileWrite {
  readonly name: string;
  readonly position: number;
  readonly bytes: Uint8Array;
}

/** What becomes of a write: all of it arrives, or the machine stops and only these pieces (from, to) of it do, or it fails. */
export type WriteFate =
  | { readonly kind: 'done' }
  | { readonly kind: 'crash'; readonly keeps: readonly (readonly [number, number])[] }
  | { readonly kind: 'fail'; readonly error: Error };

/** The memory twin of a directory: everything is durable at once, unless the test says what a crash leaves of a write. */
export class MemoryWalFiles implements WalFiles {
  /** What is on the disk; it outlives a crash. Tests may change it. */
  readonly disk: Map<string, Buffer>;
  /** What the disk says that it has room for; nothing keeps to it. */
  freeBytesTold = Number.POSITIVE_INFINITY;
  readonly #fate: (write: FileWrite) => WriteFate;
  readonly #open = new Set<{ name: string }>();
  #crashed = false;

  constructor(disk = new Map<string, Buffer>(), fate: (write: FileWrite) => WriteFate = () => ({ kind: 'done' })) {
    this.disk = disk;
    this.#fate = fate;
  }

  async list(): Promise<readonly string[]> {
    await this.#turn();
    return [...this.disk.keys()].sort();
  }

  async open(name: string, { create }: { readonly create: boolean }): Promise<WalFile> {
    await this.#turn();
    if (!this.disk.has(name) && create) this.disk.set(name, Buffer.alloc(0));
    this.#bytes(name);
    const handle = { name };
    this.#open.add(handle);
    return {
      write: async (buffers, position) => {
        await this.#turn();
        this.#write({ name: handle.name, position, bytes: Buffer.concat(buffers) });
      },
      read: async (position, length) => {
        await this.#turn();
        return Buffer.from(this.#bytes(handle.name).subarray(position, position + length));
      },
      size: async () => this.#bytes(handle.name).length,
      close: async () => {
        this.#open.delete(handle);
      },
    };
  }

  async freeBytes(): Promise<number> {
    return this.freeBytesTold;
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#turn();
    this.disk.set(to, this.#bytes(from));
    this.disk.delete(from);
    for (const handle of this.#open) if (handle.name === from) handle.name = to;
  }

  async remove(name: string): Promise<void> {
    await this.#turn();
    this.#bytes(name);
    this.disk.delete(name);
  }

  async #turn(): Promise<void> {
    await Promise.resolve();
    if (this.#crashed) throw new Error('the machine has stopped');
  }

  #bytes(name: string): Buffer {
    const bytes = this.disk.get(name);
    if (bytes === undefined) throw new Error(`there is no file ${name}`);
    return bytes;
  }

  #write(write: FileWrite): void {
    const fate = this.#fate(write);
    if (fate.kind === 'fail') throw fate.error;
    this.#crashed = fate.kind === 'crash';
    const pieces = fate.kind === 'crash' ? fate.keeps : [[0, write.bytes.byteLength] as const];
    for (const [from, to] of pieces) this.#put(write.name, write.position + from, write.bytes.subarray(from, to));
    if (this.#crashed) throw new Error('the machine stops');
  }

  #put(name: string, position: number, bytes: Uint8Array): void {
    const before = this.#bytes(name);
    const after = Buffer.alloc(Math.max(before.length, position + bytes.byteLength));
    before.copy(after);
    after.set(bytes, position);
    this.disk.set(name, after);
  }
}
