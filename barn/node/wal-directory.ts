import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { WalFile, WalFiles } from '../wal/files.ts';

/** The files of the log in a directory of this machine, made when absent, readable by its owner only. */
export async function openWalDirectory(directory: string): Promise<WalFiles> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const syncDirectory = async (): Promise<void> => {
    const handle = await open(directory, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  };
  return {
    list: async () => (await readdir(directory)).sort(),
    async open(name, { create }) {
      const flags = constants.O_RDWR | constants.O_DSYNC | (create ? constants.O_CREAT : 0);
      return new DiskFile(await open(join(directory, name), flags, 0o600));
    },
    async rename(from, to) {
      await rename(join(directory, from), join(directory, to));
      await syncDirectory();
    },
    async remove(name) {
      await unlink(join(directory, name));
      await syncDirectory();
    },
  };
}

class DiskFile implements WalFile {
  readonly #handle: FileHandle;

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  async write(buffers: readonly Uint8Array[], position: number): Promise<void> {
    let left = [...buffers];
    let at = position;
    while (left.length > 0) {
      const { bytesWritten } = await this.#handle.writev(left, at);
      at += bytesWritten;
      left = after(left, bytesWritten);
    }
  }

  async read(position: number, length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    let size = 0;
    while (size < length) {
      const { bytesRead } = await this.#handle.read(bytes, size, length - size, position + size);
      if (bytesRead === 0) break;
      size += bytesRead;
    }
    return bytes.subarray(0, size);
  }

  async size(): Promise<number> {
    return (await this.#handle.stat()).size;
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}

/** What is left of `buffers` after their first `count` bytes. */
function after(buffers: readonly Uint8Array[], count: number): Uint8Array[] {
  let skip = count;
  const left: Uint8Array[] = [];
  for (const buffer of buffers) {
    if (skip >= buffer.byteLength) skip -= buffer.byteLength;
    else {
      left.push(buffer.subarray(skip));
      skip = 0;
    }
  }
  return left;
}
