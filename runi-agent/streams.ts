// Many requests over one byte stream, each answered by bytes under a window of its own: the agent's dial-out stream, and
// the socketpair between agent and exchange. Frames are apis/tunnel.ts.
import type { Duplex } from 'node:stream';
import {
  ApiError,
  encodeTunnelFrame,
  encodeTunnelWindow,
  isApiError,
  type StatusReason,
  statusCodes,
  TunnelError,
  type TunnelFrame,
  type TunnelKind,
  TunnelReader,
  tunnelKind,
  tunnelPayloadBytesMax,
  tunnelWindowBytes,
} from '../apis/index.ts';

/** Streams open at one time on one connection; the next is refused with TooManyRequests. */
export const streamsMax = 256;

/** One answer being written. */
export interface AnswerStream {
  /** Aborts when the asker cancels or the connection ends. */
  readonly signal: AbortSignal;
  /** Resolves when the asker has room for more; throws the signal's reason. */
  write(bytes: Uint8Array): Promise<void>;
}

/** Answers one request on its stream; a rejection ends the stream with an error. */
export type AnswerRequest = (request: unknown, stream: AnswerStream) => Promise<void>;

/** Answers what comes over `socket` until it closes; resolves then. A peer that breaks the protocol is disconnected. */
export function serveStreams(socket: Duplex, answer: AnswerRequest): Promise<void> {
  const open = new Map<number, Answering>();
  const begin = (frame: TunnelFrame): void => {
    if (open.has(frame.stream)) throw new TunnelError(`stream ${frame.stream} was opened twice`);
    if (open.size >= streamsMax) {
      const status = new ApiError('TooManyRequests', `more than ${streamsMax} streams at one time`).toStatus();
      send(socket, frame.stream, tunnelKind.error, Buffer.from(JSON.stringify(status)));
      return;
    }
    const stream = new Answering(socket, frame.stream);
    open.set(frame.stream, stream);
    void stream.run(answer, frame.payload).finally(() => open.delete(frame.stream));
  };
  return readFrames(
    socket,
    (frame) => {
      if (frame.kind === tunnelKind.open) return begin(frame);
      const stream = open.get(frame.stream);
      if (frame.kind === tunnelKind.window) stream?.grant(frame.payload.readUInt32LE(0));
      else if (frame.kind === tunnelKind.cancel) stream?.cancel(new Error('the asker cancelled'));
      else throw new TunnelError(`a request stream got a frame of kind ${frame.kind}`);
    },
    () => {
      for (const stream of open.values()) stream.cancel(new Error('the connection closed'));
    },
  );
}

class Answering implements AnswerStream {
  readonly #socket: Duplex;
  readonly #id: number;
  readonly #abort = new AbortController();
  #window = tunnelWindowBytes;
  #wake: () => void = () => {};

  constructor(socket: Duplex, id: number) {
    this.#socket = socket;
    this.#id = id;
    this.#abort.signal.addEventListener('abort', () => this.#wake());
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  grant(bytes: number): void {
    this.#window += bytes;
    this.#wake();
  }

  cancel(reason: Error): void {
    this.#abort.abort(reason);
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      this.signal.throwIfAborted();
      if (this.#window === 0) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        continue;
      }
      const size = Math.min(bytes.length - at, this.#window, tunnelPayloadBytesMax);
      this.#window -= size;
      send(this.#socket, this.#id, tunnelKind.data, bytes.subarray(at, at + size));
      at += size;
    }
  }

  async run(answer: AnswerRequest, payload: Buffer): Promise<void> {
    try {
      await answer(parseJson(payload), this);
      send(this.#socket, this.#id, tunnelKind.end);
    } catch (cause) {
      if (this.signal.aborted) return;
      const error = isApiError(cause) ? cause : new ApiError('InternalError', messageOf(cause));
      send(this.#socket, this.#id, tunnelKind.error, Buffer.from(JSON.stringify(error.toStatus())));
    }
  }
}

/** The asking end of a connection. */
export class StreamClient {
  readonly #socket: Duplex;
  readonly #open = new Map<number, Asked>();
  #next = 1;
  /** Resolves when the connection is closed; every open answer then ends with ServiceUnavailable. */
  readonly closed: Promise<void>;

  constructor(socket: Duplex) {
    this.#socket = socket;
    this.closed = readFrames(
      socket,
      (frame) => this.#open.get(frame.stream)?.take(frame),
      () => {
        const error = new ApiError('ServiceUnavailable', 'the connection closed');
        for (const asked of this.#open.values()) asked.fail(error);
      },
    );
  }

  /** The bytes of the answer as they come; stopping the iteration cancels the request. Throws the ApiError of an error. */
  async *ask(request: unknown, signal?: AbortSignal): AsyncGenerator<Buffer, void, undefined> {
    signal?.throwIfAborted();
    if (this.#socket.destroyed) throw new ApiError('ServiceUnavailable', 'the connection is closed');
    const id = this.#next++;
    const asked = new Asked();
    this.#open.set(id, asked);
    const onAbort = (): void => asked.fail(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
    send(this.#socket, id, tunnelKind.open, Buffer.from(JSON.stringify(request)));
    try {
      for (let chunk = await asked.next(); chunk !== undefined; chunk = await asked.next()) {
        yield chunk;
        if (!this.#socket.destroyed) this.#socket.write(encodeTunnelWindow(id, chunk.length));
      }
    } finally {
      signal?.removeEventListener('abort', onAbort);
      this.#open.delete(id);
      if (!asked.isDone) send(this.#socket, id, tunnelKind.cancel);
    }
  }

  /** The whole answer, which is short. */
  async call(request: unknown, signal?: AbortSignal): Promise<Buffer> {
    const chunks: Buffer[] = [];
    for await (const chunk of this.ask(request, signal)) chunks.push(chunk);
    return Buffer.concat(chunks);
  }
}

class Asked {
  // Bounded by the window: the peer sends no more than it was granted, or is disconnected.
  readonly #chunks: Buffer[] = [];
  #bytes = 0;
  #ending: { readonly error?: unknown } | undefined;
  #wake: () => void = () => {};
  isDone = false;

  take(frame: TunnelFrame): void {
    switch (frame.kind) {
      case tunnelKind.data:
        this.#bytes += frame.payload.length;
        if (this.#bytes > tunnelWindowBytes) throw new TunnelError('a stream sent more than its window');
        // A copy: the frame is a part of a larger read buffer.
        this.#chunks.push(Buffer.from(frame.payload));
        break;
      case tunnelKind.end:
        this.isDone = true;
        this.#ending ??= {};
        break;
      case tunnelKind.error:
        this.isDone = true;
        this.#ending ??= { error: statusError(frame.payload) };
        break;
      default:
        throw new TunnelError(`an answer stream got a frame of kind ${frame.kind}`);
    }
    this.#wake();
  }

  fail(error: unknown): void {
    this.#ending ??= { error };
    this.#wake();
  }

  async next(): Promise<Buffer | undefined> {
    for (;;) {
      const chunk = this.#chunks.shift();
      if (chunk !== undefined) {
        this.#bytes -= chunk.length;
        return chunk;
      }
      if (this.#ending !== undefined) {
        if ('error' in this.#ending) throw this.#ending.error as Error;
        return undefined;
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

function readFrames(socket: Duplex, take: (frame: TunnelFrame) => void, closed: () => void): Promise<void> {
  const reader = new TunnelReader();
  socket.on('data', (chunk: Buffer) => {
    try {
      for (const frame of reader.push(chunk)) take(frame);
    } catch (cause) {
      if (!(cause instanceof TunnelError)) throw cause;
      socket.destroy(cause);
    }
  });
  socket.on('error', () => socket.destroy());
  return new Promise((resolve) => {
    socket.once('close', () => {
      closed();
      resolve();
    });
    socket.once('end', () => socket.destroy());
  });
}

function send(socket: Duplex, stream: number, kind: TunnelKind, payload?: Uint8Array): void {
  if (!socket.destroyed && socket.writable) socket.write(encodeTunnelFrame(stream, kind, payload));
}

function parseJson(payload: Buffer): unknown {
  try {
    return JSON.parse(payload.toString('utf8'));
  } catch (cause) {
    throw new ApiError('BadRequest', 'the request is not JSON', undefined, { cause });
  }
}

function statusError(payload: Buffer): ApiError {
  const status: unknown = JSON.parse(payload.toString('utf8'));
  const { reason, message } = typeof status === 'object' && status !== null ? (status as Record<string, unknown>) : {};
  return new ApiError(isReason(reason) ? reason : 'InternalError', typeof message === 'string' ? message : 'failed');
}

function isReason(reason: unknown): reason is StatusReason {
  return typeof reason === 'string' && Object.hasOwn(statusCodes, reason);
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
