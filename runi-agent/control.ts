// The agent's end of one slot's control socket. Whatever a slice writes here is hostile until it has the fixed form.
import { chmod, mkdir, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import type { Clock } from '../base/index.ts';
import {
  type Counters,
  decodeCounters,
  decodeResult,
  encodeFrame,
  FrameError,
  FrameReader,
  frameType,
  type SliceResult,
  type SliceSpec,
  sliceFrameBytesMax,
} from '../runi-slice/protocol/index.ts';

/** A slice reports four times a second; one that floods the agent is ended. */
const framesPerSecondMax = 200;

/** What comes over the socket. `closed` comes once, when nothing more can. */
export interface ControlEvents {
  counters(counters: Counters): void;
  result(result: SliceResult): void;
  /** The slice broke the protocol; its connection is closed. */
  violation(message: string): void;
}

/** Listens in the slot's directory and gives the spec to the one connection it takes. */
export class ControlServer {
  readonly #directory: string;
  readonly #server: Server;
  readonly #clock: Clock;
  readonly #spec: Buffer;
  readonly #events: ControlEvents;
  #connection: Socket | undefined;
  #hasResult = false;
  #frames = 0;
  #secondStartMs = 0;
  #onIdle: (() => void)[] = [];

  private constructor(directory: string, spec: SliceSpec, events: ControlEvents, clock: Clock) {
    this.#directory = directory;
    this.#clock = clock;
    this.#spec = encodeFrame(frameType.spec, Buffer.from(JSON.stringify(spec)));
    this.#events = events;
    this.#server = createServer((socket) => this.#accept(socket));
    this.#server.maxConnections = 1;
  }

  /** Makes the directory and the socket in it, on which any user who sees it may connect. */
  static async open(directory: string, spec: SliceSpec, events: ControlEvents, clock: Clock): Promise<ControlServer> {
    const control = new ControlServer(directory, spec, events, clock);
    await mkdir(directory, { recursive: true, mode: 0o755 });
    const path = join(directory, 'control.sock');
    await new Promise<void>((resolve, reject) => {
      control.#server.once('error', reject).listen(path, resolve);
    });
    await chmod(path, 0o622);
    return control;
  }

  /** Resolves when all that a slice which has ended sent is read. */
  drained(): Promise<void> {
    const connection = this.#connection;
    if (connection === undefined || connection.closed) return Promise.resolve();
    return new Promise((resolve) => this.#onIdle.push(resolve));
  }

  /** Tells the slice to end by itself. */
  cancel(): void {
    if (this.#connection?.writable === true) this.#connection.write(encodeFrame(frameType.cancel, Buffer.alloc(0)));
  }

  async close(): Promise<void> {
    this.#connection?.destroy();
    if (this.#server.listening) this.#server.close();
    await rm(this.#directory, { recursive: true, force: true });
  }

  #accept(socket: Socket): void {
    // The slot has one slice and the slice one connection: a second caller is not the slice we started.
    if (this.#connection !== undefined) {
      socket.destroy();
      this.#events.violation('the slice opened a second control connection');
      return;
    }
    this.#connection = socket;
    this.#server.close();
    const frames = new FrameReader(sliceFrameBytesMax);
    socket.on('data', (chunk: Buffer) => {
      try {
        for (const frame of frames.push(chunk)) this.#take(frame.type, frame.payload);
      } catch (cause) {
        if (!(cause instanceof FrameError)) throw cause;
        socket.destroy();
        this.#events.violation(cause.message);
      }
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      for (const resolve of this.#onIdle.splice(0)) resolve();
    });
    socket.write(this.#spec);
  }

  #take(type: number, payload: Buffer): void {
    this.#count();
    if (this.#hasResult) throw new FrameError('a control frame came after the result');
    switch (type) {
      case frameType.hello:
        return;
      case frameType.counters:
        return this.#events.counters(decodeCounters(payload));
      case frameType.result:
        this.#hasResult = true;
        return this.#events.result(decodeResult(payload));
      default:
        throw new FrameError(`control frame of unknown type ${type}`);
    }
  }

  #count(): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#secondStartMs >= 1000) {
      this.#secondStartMs = nowMs;
      this.#frames = 0;
    }
    if (++this.#frames > framesPerSecondMax)
      throw new FrameError(`more than ${framesPerSecondMax} control frames within a second`);
  }
}
