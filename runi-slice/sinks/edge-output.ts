import { closeSync, constants, open, openSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Writable } from 'node:stream';
import { promisify } from 'node:util';
import type { RunningCounters } from '../counters.ts';
import type { Chunk } from '../flow/chunk.ts';
import { type EdgeKind, edgeKind, encodeEdgeHeader } from '../flow/edge-frames.ts';
import type { Output } from '../flow/emitter.ts';
import { codeOf, messageOf, SliceError } from '../slice-error.ts';

/**
 * The pipe to another slice: framed for one of ours, bare NDJSON for a program. A program may stop reading (its exit code
 * tells whether that was right); one of ours may not.
 */
export class PipeOutput implements Output {
  readonly #stream: Writable;
  readonly #framed: boolean;
  readonly #name: string;
  readonly #counters: RunningCounters | undefined;
  #sequence = 0;
  #closed = false;
  onFailure?: (error: SliceError) => void;

  /** `counters` counts the bytes written; absent for the input of an `exec` step's own program. */
  constructor(stream: Writable, framed: boolean, name: string, counters?: RunningCounters) {
    this.#stream = stream;
    this.#framed = framed;
    this.#name = name;
    this.#counters = counters;
    stream.on('error', (cause) => this.#broke(cause));
  }

  write(chunk: Chunk): void {
    if (this.#closed) return chunk.release();
    if (this.#counters !== undefined) this.#counters.bytesOut += chunk.length;
    this.#stream.cork();
    if (this.#framed) this.#header(edgeKind.data, chunk.records, chunk.length);
    this.#stream.write(chunk.bytes, () => chunk.release());
    this.#stream.uncork();
  }

  async finish(): Promise<void> {
    if (this.#closed) return;
    if (this.#framed) this.#header(edgeKind.end, 0, 0);
    await this.#end();
  }

  async abort(message: string): Promise<void> {
    if (this.#closed) return;
    if (!this.#framed) {
      this.#stream.destroy();
      return;
    }
    const payload = Buffer.from(message).subarray(0, 2048);
    this.#header(edgeKind.error, 0, payload.length);
    this.#stream.write(payload);
    // A reader that is stuck or gone must not keep us: what the pipe takes at once is enough.
    await Promise.race([this.#end(), new Promise((resolve) => setImmediate(resolve))]);
    this.#stream.destroy();
  }

  #header(kind: EdgeKind, count: number, length: number): void {
    this.#stream.write(encodeEdgeHeader({ kind, epoch: 0, sequence: this.#sequence++, count, length }));
  }

  #end(): Promise<void> {
    return new Promise((resolve) => {
      this.#stream.once('close', resolve);
      this.#stream.end(() => this.#stream.destroy());
      if (this.#stream.destroyed) resolve();
    });
  }

  #broke(cause: Error): void {
    this.#closed = true;
    if (!this.#framed && codeOf(cause) === 'EPIPE') return;
    this.onFailure?.(
      new SliceError('DownstreamFailed', `output ${this.#name}: the step that reads it is gone (${cause.message})`, {
        cause,
      }),
    );
  }
}

/**
 * Opens the writing end of a FIFO; resolves when its reader has opened it. One at a time: each waits on a pool thread, which
 * would keep the process from exiting: an abort lets it go by standing in for the reader until it has gone on, since it may
 * not even have begun to wait.
 */
export async function openPipeOutput(
  path: string,
  framed: boolean,
  counters: RunningCounters,
  signal: AbortSignal,
): Promise<PipeOutput> {
  let stand: number | undefined;
  const letGo = (): void => {
    stand = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  };
  if (signal.aborted) letGo();
  else signal.addEventListener('abort', letGo);
  try {
    const fd = await promisify(open)(path, constants.O_WRONLY);
    return new PipeOutput(new Socket({ fd, readable: false, writable: true }), framed, path, counters);
  } catch (cause) {
    throw new SliceError('SinkNotWritable', `open output ${path}: ${messageOf(cause)}`, { cause });
  } finally {
    signal.removeEventListener('abort', letGo);
    if (stand !== undefined) closeSync(stand);
  }
}
