import { constants, writevSync } from 'node:fs';
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

/** Of what the files of one directory know together. */
interface Disk {
  /** How long the last write took. */
  writeMs: number;
}

class NodeWalFiles implements WalFiles {
  readonly #directory: string;
  readonly #disk: Disk = { writeMs: 0 };

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
    return new NodeWalFile(join(this.#directory, name), handle, this.#disk);
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

/** A thread waits for a disk itself only if its last write took no longer: heartbeats must not wait for a slow one. */
const briefMsMax = 2;

class NodeWalFile implements WalFile {
  readonly #openedAs: string;
  readonly #handle: FileHandle;
  readonly #disk: Disk;

  constructor(openedAs: string, handle: FileHandle, disk: Disk) {
    this.#openedAs = openedAs;
    this.#handle = handle;
    this.#disk = disk;
  }

  async write(buffers: readonly Uint8Array[], position: number, isBrief = false): Promise<void> {
    let rest = [...buffers];
    let at = position;
    const startedMs = performance.now();
    const waits = isBrief && this.#disk.writeMs <= briefMsMax;
    try {
      while (rest.length > 0) {
        const bytesWritten = waits
          ? writevSync(this.#handle.fd, rest, at)
          : (await this.#handle.writev(rest, at)).bytesWritten;
        // The kernel writes less than asked for when the disk becomes full; writing the rest tells why.
        if (bytesWritten === 0) throw new Error('the disk took nothing of a write');
        rest = after(rest, bytesWritten);
        at += bytesWritten;
      }
      this.#disk.writeMs = performance.now() - startedMs;
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
