// Segments ahead: files that are zero-filled in the background, so that a write changes no metadata of the file (a growing
// file costs 1.7 times a sync). What was released is used again, and zeroed again: tail.ts must find zeros where nothing was
// written, and nothing readable is left of what was not encrypted yet.
import type { Log } from '../../base/index.ts';
import type { WalFile, WalFiles } from './files.ts';

const fillBytes = 256 * 1024;
const zeros = new Uint8Array(fillBytes);
const namePattern = /^spare-\d+$/;

/** A file that is to become a segment. */
export interface Spare {
  readonly name: string;
  readonly file: WalFile;
}

/**
 * Files that are ready to become segments. A fault here costs speed, never the log: it is logged and the file given up. On a
 * disk that has no room for two more none is made: it would take what the log itself may need. What was released is still
 * filled then when there is no other, since it has its room already.
 */
export class Spares {
  readonly #files: WalFiles;
  readonly #fileBytes: number;
  /** Beyond it, what is released is removed. */
  readonly #countMax: number;
  readonly #log: Log;
  readonly #ready: Spare[] = [];
  #next = 1;
  #filling = 0;
  /** Making one ahead failed, or the disk has no room for it: not tried again before a segment was begun or released. */
  #givenUp = false;
  #work: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(files: WalFiles, options: { fileBytes: number; countMax: number; log: Log }) {
    this.#files = files;
    this.#fileBytes = options.fileBytes;
    this.#countMax = options.countMax;
    this.#log = options.log;
  }

  /** Removes what an earlier life left half done. */
  async clear(): Promise<void> {
    for (const name of await this.#files.list()) if (namePattern.test(name)) await this.#files.remove(name);
  }

  sizeBytes(): number {
    return (this.#ready.length + this.#filling) * this.#fileBytes;
  }

  get isReady(): boolean {
    return this.#ready.length > 0;
  }

  /** A zero-filled file, which is the caller's from now on, or undefined. */
  take(): Spare | undefined {
    this.#givenUp = false;
    return this.#ready.shift();
  }

  /** An empty file under a name that a crash may leave behind. */
  async makeEmpty(): Promise<Spare> {
    const name = `spare-${this.#next++}`;
    return { name, file: await this.#files.open(name, { create: true }) };
  }

  /** Begins to fill one unless there is one. */
  prepare(): void {
    if (this.#closed || this.#givenUp || this.#ready.length + this.#filling > 0) return;
    this.#fill(undefined);
  }

  /** Takes a released segment, to fill it or to remove it. */
  async recycle(name: string, sizeBytes: number): Promise<void> {
    this.#givenUp = false;
    const countMax = (await this.#hasRoom()) ? this.#countMax : Math.min(1, this.#countMax);
    if (this.#closed || sizeBytes !== this.#fileBytes || this.#ready.length + this.#filling >= countMax)
      return this.#files.remove(name);
    const spare = `spare-${this.#next++}`;
    await this.#files.rename(name, spare);
    this.#fill(spare);
  }

  /** Ends the filling; what is ready is removed at the next start. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#work;
    for (const { file } of this.#ready.splice(0)) await file.close();
  }

  #fill(released: string | undefined): void {
    this.#filling++;
    this.#work = this.#work.then(async () => {
      try {
        if (released === undefined && !(await this.#hasRoom())) {
          this.#givenUp = true;
          this.#log.warn(
            'no segment of the log is made ahead: the disk is nearly full; the log grows as it is written',
          );
          return;
        }
        const { name, file } = released === undefined ? await this.makeEmpty() : await this.#open(released);
        await this.#zero(name, file);
      } catch (error) {
        this.#givenUp = true;
        this.#log.warn('a segment of the log could not be made ahead; the log grows as it is written', {
          cause: error instanceof Error ? error.message : String(error),
        });
      } finally {
        this.#filling--;
      }
    });
  }

  async #hasRoom(): Promise<boolean> {
    return (await this.#files.freeBytes()) >= 2 * this.#fileBytes;
  }

  async #open(name: string): Promise<Spare> {
    return { name, file: await this.#files.open(name, { create: false }) };
  }

  async #zero(name: string, file: WalFile): Promise<void> {
    let keep = false;
    try {
      for (let at = 0; at < this.#fileBytes && !this.#closed; at += fillBytes)
        await file.write([zeros.subarray(0, Math.min(fillBytes, this.#fileBytes - at))], at);
      keep = !this.#closed;
      if (keep) this.#ready.push({ name, file });
    } finally {
      if (!keep) {
        await file.close();
        await this.#files.remove(name);
      }
    }
  }
}
