import type { TLSSocket } from 'node:tls';
import type { Clock, Timer } from '../../base/index.ts';
import { ByteWriter } from './byte-writer.ts';
import { TransportError } from './error.ts';
import { FrameReader, frameKinds } from './frames.ts';
import type { TransportLimits } from './limits.ts';

/** Longer byte strings are parts of a write of their own; shorter ones are cheaper copied. */
const copiedBytesMax = 4_096;

/** Who hears what a link does. `onFrame` is not called for pings, nor once the link has ended. */
export interface LinkListener {
  /** Throws TransportError Malformed for what no peer says here: the link ends. */
  onFrame(kind: number, body: Uint8Array): void;
  /** The frames of one socket event are through. */
  onTurn?(): void;
  /** There is room again, after `isFull`. */
  onRoom?(): void;
  /** Called once; nothing is sent or heard any more. */
  onClosed(error: TransportError): void;
}

/** An authenticated connection: frames both ways, pings while nothing else is said, and an end when nothing is heard. */
export class Link {
  readonly writer = new ByteWriter(copiedBytesMax);
  readonly #socket: TLSSocket;
  readonly #clock: Clock;
  readonly #limits: TransportLimits;
  readonly #reader: FrameReader;
  #listener: LinkListener;
  /** Ping intervals without a sound. Counted, not timed: a process that stood still must first read what came meanwhile. */
  #silentPings = 0;
  #timer: Timer | undefined;
  #error: TransportError | undefined;

  /** Takes the socket over; frames are bounded by `frameBytesMax` until `widen`. */
  constructor(
    socket: TLSSocket,
    options: {
      readonly clock: Clock;
      readonly limits: TransportLimits;
      readonly frameBytesMax: number;
      readonly listener: LinkListener;
    },
  ) {
    this.#socket = socket;
    this.#clock = options.clock;
    this.#limits = options.limits;
    this.#reader = new FrameReader(options.frameBytesMax);
    this.#listener = options.listener;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#hear(chunk));
    socket.on('drain', () => this.#listener.onRoom?.());
    socket.on('error', (cause) => this.end(new TransportError('Unreachable', 'the connection broke', { cause })));
    socket.on('end', () => this.end(new TransportError('Unreachable', 'the peer closed the connection')));
    socket.on('close', () => this.end(new TransportError('Unreachable', 'the connection was closed')));
    this.#watch();
  }

  get isOpen(): boolean {
    return this.#error === undefined;
  }

  /** More should wait: `onRoom` tells when to go on. */
  get isFull(): boolean {
    return this.#socket.writableLength >= this.#limits.socketBytesMax;
  }

  /** From now on somebody else listens. */
  listen(listener: LinkListener): void {
    this.#listener = listener;
  }

  /** The greeting is over: frames may be so long. */
  widen(frameBytesMax: number): void {
    this.#reader.frameBytesMax = frameBytesMax;
  }

  /** Adds a frame to what `push` will send; `write` gives its body. */
  frame(kind: number, write?: (writer: ByteWriter) => void): void {
    const gap = this.writer.gap();
    this.writer.byte(kind);
    write?.(this.writer);
    this.writer.fill(gap);
  }

  /** Sends the frames added, in one write. */
  push(): void {
    const parts = this.writer.take();
    if (!this.isOpen || parts.length === 0) return;
    if (parts.length > 1) this.#socket.cork();
    for (const part of parts) this.#socket.write(part);
    if (parts.length > 1) this.#socket.uncork();
  }

  /** Hears nothing more, so that the peer has to wait. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#silentPings = 0;
    this.#socket.resume();
  }

  /**
   * Closes at once. `politely`: when what was pushed has gone out and the peer has closed too, since a closed socket that
   * is still being sent to would take the last words back; or after `idleMs`.
   */
  end(error: TransportError, politely = false): void {
    if (this.#error !== undefined) return;
    this.#error = error;
    this.#timer?.cancel();
    if (politely) this.#endPolitely();
    else this.#socket.destroy();
    this.#listener.onClosed(error);
  }

  #endPolitely(): void {
    const timer = this.#clock.after(this.#limits.idleMs, () => this.#socket.destroy(), { unref: true });
    this.#socket.once('close', () => timer.cancel());
    this.#socket.end();
    this.#socket.resume();
  }

  #hear(chunk: Buffer): void {
    if (!this.isOpen) return;
    this.#silentPings = 0;
    try {
      for (const { kind, body } of this.#reader.read(chunk)) {
        if (!this.isOpen) return;
        if (kind !== frameKinds.ping) this.#listener.onFrame(kind, body);
      }
    } catch (error) {
      if (!(error instanceof TransportError)) throw error;
      return this.end(error);
    }
    if (this.isOpen) this.#listener.onTurn?.();
  }

  /** Whoever is paused hears nothing by its own will. Who cannot send its pings is sending something else. */
  #watch(): void {
    this.#timer = this.#clock.after(
      this.#limits.pingMs,
      () => {
        const { pingMs, idleMs } = this.#limits;
        if (!this.#socket.isPaused() && ++this.#silentPings * pingMs > idleMs)
          return this.end(new TransportError('Unreachable', `the peer was not heard for ${idleMs} ms`));
        if (this.#socket.writableLength === 0) {
          this.frame(frameKinds.ping);
          this.push();
        }
        this.#watch();
      },
      { unref: true },
    );
  }
}
