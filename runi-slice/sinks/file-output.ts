import { close, constants, fsync, open, write } from 'node:fs';
import { promisify } from 'node:util';
import type { RunningCounters } from '../counters.ts';
import type { Chunk } from '../flow/chunk.ts';
import type { Output } from '../flow/emitter.ts';
import { codeOf, messageOf, SliceError } from '../slice-error.ts';

/** Turns chunks of NDJSON into the bytes of a file. */
export interface Encoder {
  /** The bytes for a chunk; they may be the chunk's own. */
  encode(chunk: Chunk): Buffer;
  /** What comes after the last. */
  end(): Buffer;
}

const nothing = Buffer.alloc(0);

/** Chunks as they are. */
export const sameBytes: Encoder = { encode: (chunk) => chunk.bytes, end: () => nothing };

/** A file that is written from its beginning; durable when finish has resolved. Nobody but us may see it before. */
export class FileOutput implements Output {
  readonly #fd: number;
  readonly #uri: string;
  readonly #encoder: Encoder;
  readonly #counters: RunningCounters;
  #queue: Chunk[] = [];
  #writing: Promise<void> | undefined;
  #failed: SliceError | undefined;
  onFailure?: (error: SliceError) => void;

  constructor(fd: number, uri: string, encoder: Encoder, counters: RunningCounters) {
    this.#fd = fd;
    this.#uri = uri;
    this.#encoder = encoder;
    this.#counters = counters;
  }

  write(chunk: Chunk): void {
    if (this.#failed !== undefined) return chunk.release();
    this.#queue.push(chunk);
    this.#writing ??= this.#writeAll();
  }

  async finish(): Promise<void> {
    await this.#writing;
    if (this.#failed !== undefined) throw this.#failed;
    try {
      await this.#writeFully(this.#encoder.end());
      await promisify(fsync)(this.#fd).catch((cause: unknown) => {
        // A device such as /dev/null has nothing to sync.
        if (codeOf(cause) !== 'EINVAL') throw cause;
      });
      await promisify(close)(this.#fd);
    } catch (cause) {
      throw this.#fail(cause);
    }
  }

  async abort(): Promise<void> {
    this.#failed ??= new SliceError('Cancelled', 'given up');
    await this.#writing;
    await promisify(close)(this.#fd).catch(() => undefined);
  }

  async #writeAll(): Promise<void> {
    for (let chunk = this.#queue.shift(); chunk !== undefined; chunk = this.#queue.shift()) {
      try {
        if (this.#failed === undefined) await this.#writeFully(this.#encoder.encode(chunk));
      } catch (cause) {
        this.onFailure?.(this.#fail(cause));
      }
      chunk.release();
    }
    this.#writing = undefined;
  }

  async #writeFully(bytes: Buffer): Promise<void> {
    let from = 0;
    while (from < bytes.length) from += await writeSome(this.#fd, bytes, from);
    this.#counters.bytesOut += bytes.length;
  }

  #fail(cause: unknown): SliceError {
    this.#failed ??=
      cause instanceof SliceError
        ? cause
        : new SliceError('SinkNotWritable', `write ${this.#uri}: ${messageOf(cause)}`, { cause });
    return this.#failed;
  }
}

/** Makes (or empties) the file. */
export async function openFileOutput(
  path: string,
  uri: string,
  encoder: Encoder,
  counters: RunningCounters,
): Promise<FileOutput> {
  try {
    const fd = await promisify(open)(path, constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC, 0o644);
    return new FileOutput(fd, uri, encoder, counters);
  } catch (cause) {
    throw new SliceError('SinkNotWritable', `open ${uri}: ${messageOf(cause)}`, { cause });
  }
}

function writeSome(fd: number, bytes: Buffer, from: number): Promise<number> {
  return new Promise((resolve, reject) => {
    write(fd, bytes, from, bytes.length - from, null, (cause, written) =>
      cause === null ? resolve(written) : reject(cause),
    );
  });
}
