import { constants } from 'node:fs';
import { type FileHandle, open, readdir, rename, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { freeBytesOf, makeDirectory, syncDirectory } from '../../base/index.ts';
import type { WalFile, WalFiles } from './files.ts';

/**
 * The files of a real directory, made when it is not there, for its owner alone. It does not lock: the member's LevelDB is
 * opened first, and its lock (freed by the kernel, also after kill -9) keeps a second process out.
 */
export function nodeWalFiles(directory: string): WalFiles {
  return new NodeWalFiles(directory);
}

class NodeWalFiles implements WalFiles {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = resolve(directory);
  }

  async list(): Promise<readonly string[]> {
    await makeDirectory(this.#directory);
    return (await readdir(this.#directory)).sort();
  }

  async open(name: string, { create }: { readonly create: boolean }): Promise<WalFile> {
    const { O_CREAT, O_DSYNC, O_RDWR } = constants;
    const handle = await open(join(this.#directory, name), O_RDWR | O_DSYNC | (create ? O_CREAT : 0), 0o600);
    if (create) await syncDirectory(this.#directory);
    return new NodeWalFile(join(this.#directory, name), handle);
  }

  async rename(from: string, to: string): Promise<void> {
    await rename(join(this.#directory, from), join(this.#directory, to));
    await syncDirectory(this.#directory);
  }

  async remove(name: string): Promise<void> {
    await rm(join(this.#directory, name));
    await syncDirectory(this.#directory);
  }

  freeBytes(): Promise<number> {
    return freeBytesOf(this.#directory);
  }
}

class NodeWalFile implements WalFile {
  readonly #openedAs: string;
  readonly #handle: FileHandle;

  constructor(openedAs: string, handle: FileHandle) {
    this.#openedAs = openedAs;
    this.#handle = handle;
  }

  async write(buffers: readonly Uint8Array[], position: number): Promise<void> {
    let rest = [...buffers];
    let at = position;
    try {
      while (rest.length > 0) {
        const { bytesWritten } = await this.#handle.writev(rest, at);
        // The kernel writes less than asked for when the disk becomes full; writing the rest tells why.
        if (bytesWritten === 0) throw new Error('the disk took nothing of a write');
        rest = after(rest, bytesWritten);
        at += bytesWritten;
      }
    } catch (cause) {
      // Node names no file when it knows only a handle.
      throw new Error(`${this.#openedAs}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    }
  }

  async read(position: number, length: number): Promise<Uint8Array> {
    const bytes = Buffer.allocUnsafeSlow(length);
    let read = 0;
    while (read < length) {
      const { bytesRead } = await this.#handle.read(bytes, read, length - read, position + read);
      if (bytesRead === 0) break;
      read += bytesRead;
    }
    return bytes.subarray(0, read);
  }

  async size(): Promise<number> {
    return (await this.#handle.stat()).size;
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}

/** What is left of some buffers after so many bytes of them. */
function after(buffers: readonly Uint8Array[], bytes: number): Uint8Array[] {
  let skip = bytes;
  return buffers.flatMap((buffer) => {
    const skipped = Math.min(skip, buffer.byteLength);
    skip -= skipped;
    return skipped === buffer.byteLength ? [] : [buffer.subarray(skipped)];
  });
}
