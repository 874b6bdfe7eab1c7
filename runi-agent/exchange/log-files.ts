// One log on disk: a few files of bounded size, the oldest deleted as new ones come. Written and read in the one thread of
// the exchange, synchronously, so that a reader always sees whole lines.
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';

/** Where logs are rotated, and how many files of one log are kept. */
export const logFileBytesMax = 1024 * 1024;
export const logFilesMax = 4;
const readBytesMax = 64 * 1024;
const newline = 0x0a;

/** A place in a log. */
export interface LogPosition {
  readonly file: number;
  readonly offset: number;
}

/** The rotated files of one log; written by one writer, read by any number. */
export class LogFiles {
  readonly directory: string;
  #first: number;
  #last: number;
  #lastBytes: number;
  #fd: number | undefined;
  #isLive: boolean;
  readonly #listeners = new Set<() => void>();

  private constructor(directory: string, isLive: boolean) {
    this.directory = directory;
    const numbers = readdirSync(directory)
      .flatMap((name) => /^([0-9]{8})\.log$/.exec(name)?.[1] ?? [])
      .map(Number)
      .sort((a, b) => a - b);
    this.#first = numbers[0] ?? 1;
    this.#last = numbers.at(-1) ?? 1;
    this.#isLive = isLive;
    if (isLive) this.#fd = openSync(this.#path(this.#last), 'a', 0o600);
    this.#lastBytes = numbers.length > 0 || isLive ? statSync(this.#path(this.#last)).size : 0;
  }

  /** A log to append to; goes on where one of the same place was left. */
  static openLive(directory: string): LogFiles {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    return new LogFiles(directory, true);
  }

  /** A log that grows no more. */
  static openFinished(directory: string): LogFiles {
    return new LogFiles(directory, false);
  }

  get isLive(): boolean {
    return this.#isLive;
  }

  /** What it holds on disk, at most. */
  get bytes(): number {
    return (this.#last - this.#first) * logFileBytesMax + this.#lastBytes;
  }

  /** Appends whole lines. */
  append(lines: Buffer): void {
    if (this.#fd === undefined || lines.length === 0) return;
    if (this.#lastBytes > 0 && this.#lastBytes + lines.length > logFileBytesMax) this.#rotate();
    writeSync(this.#fd, lines);
    this.#lastBytes += lines.length;
    this.#tell();
  }

  /** Nothing more comes. */
  finish(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
    this.#isLive = false;
    this.#tell();
  }

  /** Resolves when lines were appended after this call, or the log is finished, or the signal aborts. */
  changed(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.#listeners.delete(done);
        signal.removeEventListener('abort', done);
        resolve();
      };
      this.#listeners.add(done);
      signal.addEventListener('abort', done, { once: true });
    });
  }

  start(): LogPosition {
    return { file: this.#first, offset: 0 };
  }

  /** Where the last `lines` lines begin. */
  tail(lines: number): LogPosition {
    let missing = lines;
    for (let file = this.#last; file >= this.#first; file--) {
      const bytes = this.#readWhole(file);
      // The byte before the end is the last line's own newline.
      let at = bytes.length - 1;
      if (missing === 0) return { file, offset: bytes.length };
      for (; at >= 0; missing--) {
        if (missing === 0) return { file, offset: at + 1 };
        at = at === 0 ? -1 : bytes.lastIndexOf(newline, at - 1);
      }
      if (missing === 0) return { file, offset: 0 };
    }
    return this.start();
  }

  /** Whole lines from `position` on, and where the next begin; undefined: there are none yet. */
  read(position: LogPosition): { readonly lines: Buffer; readonly next: LogPosition } | undefined {
    const from = position.file < this.#first ? this.start() : position;
    const bytes = this.#readSome(from);
    const whole = bytes.lastIndexOf(newline) + 1;
    // A line that a crash left unfinished, or (never written by us) one that fills the buffer.
    const size = whole === 0 && bytes.length === readBytesMax ? bytes.length : whole;
    if (size === 0) return from.file < this.#last ? this.read({ file: from.file + 1, offset: 0 }) : undefined;
    return { lines: bytes.subarray(0, size), next: { file: from.file, offset: from.offset + size } };
  }

  #rotate(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#last++;
    this.#lastBytes = 0;
    this.#fd = openSync(this.#path(this.#last), 'a', 0o600);
    for (; this.#last - this.#first >= logFilesMax; this.#first++) rmSync(this.#path(this.#first), { force: true });
  }

  #readSome({ file, offset }: LogPosition): Buffer {
    const fd = openSync(this.#path(file), 'r');
    try {
      const bytes = Buffer.alloc(readBytesMax);
      return bytes.subarray(0, readSync(fd, bytes, 0, readBytesMax, offset));
    } finally {
      closeSync(fd);
    }
  }

  #readWhole(file: number): Buffer {
    return readFileSync(this.#path(file));
  }

  #path(file: number): string {
    return join(this.directory, `${String(file).padStart(8, '0')}.log`);
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
