// A small file system of its own for a process: a tmpfs in a private mount namespace. The namespace lives as long as the process
// that holds it, which ends with this one; the mounts of the machine stay as they are.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { freeBytesOf, isDiskFull, present } from '../../../base/index.ts';

const balloon = 'balloon';
const pieceBytes = 256 * 1024;
const pageBytes = 4096;

/** A tmpfs; root only. */
export class SmallDisk {
  /** Where the processes that enter find it. */
  readonly mountPoint: string;
  readonly #holder: ChildProcess;

  /** Makes one of so many bytes at a directory, which is made; only who enters sees what is on it. */
  static async open(mountPoint: string, bytes: number): Promise<SmallDisk> {
    await mkdir(mountPoint, { recursive: true });
    const script = 'mount -t tmpfs -o "size=$1,mode=700" runink-test "$2" && echo ready && exec cat';
    const mounting = ['--mount', '--propagation', 'private', 'sh', '-c', script, 'sh', String(bytes), mountPoint];
    const holder = spawn('unshare', mounting, { stdio: ['pipe', 'pipe', 'inherit'] });
    const ended = once(holder, 'exit').then(() => {
      throw new Error(`no tmpfs could be mounted at ${mountPoint}`);
    });
    ended.catch(() => undefined);
    await Promise.race([once(present(holder.stdout, 'stdout'), 'data'), ended]);
    return new SmallDisk(mountPoint, holder);
  }

  private constructor(mountPoint: string, holder: ChildProcess) {
    this.mountPoint = mountPoint;
    this.#holder = holder;
  }

  /** What to put before a command so that it sees the disk. */
  get enter(): readonly string[] {
    return ['nsenter', '-t', String(this.#holder.pid), '-m'];
  }

  /** Where this process, which has not entered, finds it. */
  get path(): string {
    return `/proc/${this.#holder.pid}/root${this.mountPoint}`;
  }

  freeBytes(): Promise<number> {
    return freeBytesOf(this.path);
  }

  /** Takes all that is free but for `leftBytes`, in whole pages; others may write meanwhile. */
  async fill(leftBytes = 0): Promise<void> {
    const file = await open(join(this.path, balloon), 'a');
    try {
      for (;;) {
        const bytes = Math.min(pieceBytes, (await this.freeBytes()) - leftBytes);
        if (bytes < pageBytes) return;
        await file.write(Buffer.alloc(bytes - (bytes % pageBytes), 1));
      }
    } catch (error) {
      // Somebody else took the last of it.
      if (!isDiskFull(error)) throw error;
    } finally {
      await file.close();
    }
  }

  /** Gives back what `fill` took. */
  async free(): Promise<void> {
    await rm(join(this.path, balloon), { force: true });
  }

  /** Makes it larger or smaller, but not smaller than what is on it. */
  resize(bytes: number): void {
    const [command = '', ...entering] = this.enter;
    const mounting = ['mount', '-o', `remount,size=${bytes}`, this.mountPoint];
    execFileSync(command, [...entering, ...mounting], { stdio: ['ignore', 'ignore', 'pipe'] });
  }

  async close(): Promise<void> {
    const ended = once(this.#holder, 'exit');
    this.#holder.stdin?.end();
    await ended;
  }
}
