// Carries a process's stdout and stderr to the exchange's log socket of its slot, as runi-init does with full isolation:
// frames {u8 stream, u32 little-endian length, bytes}. A slow exchange slows the step; a dead one loses lines, never steps.
import { connect, type Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { type Clock, sleep } from '../../base/index.ts';

/** The number that a frame of log.sock begins with. */
export const logStream = { stdout: 1, stderr: 2 } as const;
/** Bytes kept while the exchange is away; what comes beyond is dropped. */
const heldBytesMax = 64 * 1024;
/** A new exchange is there within this, or what is held goes. */
const connectTriesMax = 30;
const connectAgainMs = 100;

/** Frames of one chunk. */
export function encodeLogFrame(stream: number, bytes: Uint8Array): Buffer {
  const frame = Buffer.alloc(5 + bytes.length);
  frame.writeUInt8(stream, 0);
  frame.writeUInt32LE(bytes.length, 1);
  frame.set(bytes, 5);
  return frame;
}

/** One slot's way to its log. */
export class LogForward {
  readonly #path: string;
  readonly #clock: Clock;
  #socket: Socket | undefined;
  #connecting: Promise<void> | undefined;
  #held: Buffer[] = [];
  #heldBytes = 0;

  constructor(path: string, clock: Clock) {
    this.#path = path;
    this.#clock = clock;
  }

  /** Forwards until `readable` ends; never rejects. */
  async carry(stream: number, readable: Readable): Promise<void> {
    readable.on('data', (chunk: Buffer) => {
      const socket = this.#send(encodeLogFrame(stream, chunk));
      if (socket === undefined) return;
      readable.pause();
      const resume = (): void => void readable.resume();
      socket.once('drain', resume).once('close', resume);
    });
    try {
      await finished(readable, { writable: false });
    } catch {
      // The pipe broke: the process is gone, and so is what it had to say.
    }
  }

  /** Lets what was sent arrive, then closes. */
  async close(): Promise<void> {
    await this.#connecting;
    const socket = this.#socket;
    if (socket === undefined || socket.destroyed) return;
    await new Promise<void>((resolve) => {
      socket.once('close', () => resolve());
      socket.end();
    });
  }

  // The socket to wait for, if it is full.
  #send(frame: Buffer): Socket | undefined {
    const socket = this.#socket;
    if (socket?.writable === true) return socket.write(frame) ? undefined : socket;
    if (this.#heldBytes + frame.length <= heldBytesMax) {
      this.#held.push(frame);
      this.#heldBytes += frame.length;
    }
    this.#connecting ??= this.#connect();
    return undefined;
  }

  async #connect(): Promise<void> {
    for (let tries = 0; tries < connectTriesMax; tries++) {
      const socket = connect(this.#path);
      socket.on('error', () => socket.destroy());
      const isOpen = await new Promise<boolean>((resolve) => {
        socket.once('connect', () => resolve(true)).once('close', () => resolve(false));
      });
      if (isOpen) {
        socket.resume();
        this.#socket = socket;
        for (const frame of this.#held) socket.write(frame);
        break;
      }
      await sleep(this.#clock, connectAgainMs);
    }
    this.#held = [];
    this.#heldBytes = 0;
    this.#connecting = undefined;
  }
}
