// The asking end of an agent's dial-out stream: many requests over one connection, each answered by bytes under a
// window of its own (docs/wiring.md; frames are apis/tunnel.ts).
import type { Duplex } from 'node:stream';
import {
  ApiError,
  encodeTunnelFrame,
  encodeTunnelWindow,
  type StatusReason,
  statusCodes,
  TunnelError,
  type TunnelFrame,
  TunnelReader,
  type TunnelRequest,
  tunnelKind,
  tunnelWindowBytes,
} from '../../apis/index.ts';
import { isRecord, textOf } from '../json.ts';

/** Requests open at one time on one connection; the next is refused with TooManyRequests. */
const requestsMax = 256;
/** What waits for the socket beyond this ends the connection: frames from here are small, so the peer is dead. */
const outgoingBytesMax = 1024 * 1024;

/** One agent's connection. */
export class TunnelConnection {
  readonly #socket: Duplex;
  readonly #open = new Map<number, Answer>();
  #next = 1;

  /** Takes the socket over; `head` is what came with the upgrade. */
  constructor(socket: Duplex, head: Buffer) {
    this.#socket = socket;
    const reader = new TunnelReader();
    const take = (chunk: Buffer): void => {
      try {
        for (const frame of reader.push(chunk)) this.#take(frame);
      } catch (error) {
        if (!(error instanceof TunnelError)) throw error;
        this.close();
      }
    };
    socket.on('data', take);
    socket.on('error', () => this.close());
    socket.on('end', () => this.close());
    socket.on('close', () => this.#failAll());
    if (head.length > 0) take(head);
  }

  get isOpen(): boolean {
    return !this.#socket.destroyed;
  }

  /** Calls back once the connection has ended. */
  onClose(callback: () => void): void {
    this.#socket.once('close', callback);
  }

  close(): void {
    this.#socket.destroy();
  }

  /** The bytes of an answer as they come; stopping the iteration cancels. Errors: the agent's ApiError, ServiceUnavailable. */
  async *ask(request: TunnelRequest, signal: AbortSignal): AsyncGenerator<Buffer, void, undefined> {
    signal.throwIfAborted();
    if (!this.isOpen) throw gone();
    if (this.#open.size >= requestsMax) {
      throw new ApiError('TooManyRequests', `the node answers ${requestsMax} requests already; try again later`, {
        retryAfterSeconds: 1,
      });
    }
    const id = this.#nextId();
    const answer = new Answer();
    this.#open.set(id, answer);
    const onAbort = (): void => answer.end();
    signal.addEventListener('abort', onAbort, { once: true });
    this.#send(encodeTunnelFrame(id, tunnelKind.open, Buffer.from(JSON.stringify(request))));
    try {
      for (;;) {
        const chunk = await answer.next();
        if (chunk === undefined) return;
        yield chunk;
        this.#send(encodeTunnelWindow(id, chunk.length));
      }
    } finally {
      signal.removeEventListener('abort', onAbort);
      this.#open.delete(id);
      if (!answer.isFinished) this.#send(encodeTunnelFrame(id, tunnelKind.cancel));
    }
  }

  // Ids are never reused while an old answer may still be on its way: 2^32 requests lie between.
  #nextId(): number {
    const id = this.#next;
    this.#next = id === 0xffff_ffff ? 1 : id + 1;
    return id;
  }

  #take(frame: TunnelFrame): void {
    // Frames of cancelled requests may still be under way.
    const answer = this.#open.get(frame.stream);
    if (answer === undefined) return;
    switch (frame.kind) {
      case tunnelKind.data:
        return answer.push(frame.payload);
      case tunnelKind.end:
        return answer.finish();
      case tunnelKind.error:
        return answer.fail(errorIn(frame.payload));
      default:
        throw new TunnelError(`an answer got a frame of kind ${frame.kind}`);
    }
  }

  #send(frame: Buffer): void {
    if (!this.isOpen) return;
    this.#socket.write(frame);
    if (this.#socket.writableLength > outgoingBytesMax) this.close();
  }

  #failAll(): void {
    for (const answer of this.#open.values()) answer.fail(gone());
  }
}

/** The bytes of one answer on their way from the socket to its reader; never more than the window. */
class Answer {
  readonly #chunks: Buffer[] = [];
  #bytes = 0;
  #isEnded = false;
  #error: ApiError | undefined;
  #wake: () => void = () => undefined;
  /** Whether the agent has said its last word on it. */
  isFinished = false;

  push(chunk: Buffer): void {
    this.#bytes += chunk.length;
    if (this.#bytes > tunnelWindowBytes) throw new TunnelError('more data than the window allows');
    this.#chunks.push(chunk);
    this.#wake();
  }

  finish(): void {
    this.isFinished = true;
    this.end();
  }

  fail(error: ApiError): void {
    this.isFinished = true;
    this.#error = error;
    this.end();
  }

  end(): void {
    this.#isEnded = true;
    this.#wake();
  }

  /** The next bytes, or undefined at the end. Errors: what the answer failed with, after what came before. */
  async next(): Promise<Buffer | undefined> {
    for (;;) {
      const chunk = this.#chunks.shift();
      if (chunk !== undefined) {
        this.#bytes -= chunk.length;
        return chunk;
      }
      if (this.#error !== undefined) throw this.#error;
      if (this.#isEnded) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

function gone(): ApiError {
  return new ApiError('ServiceUnavailable', 'the connection to the node was lost', { retryAfterSeconds: 1 });
}

function errorIn(payload: Buffer): ApiError {
  let parsed: unknown;
  try {
    parsed = JSON.parse(payload.toString());
  } catch {
    // Told below, like everything that is no Status.
  }
  const reason = isRecord(parsed) ? reasonOf(parsed.reason) : undefined;
  const message = isRecord(parsed) ? textOf(parsed.message) : undefined;
  if (reason === undefined || message === undefined) {
    return new ApiError('InternalError', 'the node answered with an error that cannot be read');
  }
  return new ApiError(reason, message);
}

function reasonOf(value: unknown): StatusReason | undefined {
  const known = Object.keys(statusCodes).find((reason) => reason === value);
  return known as StatusReason | undefined;
}
