// Carries a process's stdout and stderr to the exchange's log socket of its slot, as runi-init does with full isolation:
// frames {u8 stream, u32 little-endian length, bytes}. A slow exchange slows the step; a dead one loses lines, never steps.
import { connect, type Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';

/** The number that a frame of log.sock begins with. */
export const logStream = { stdout: 1, stderr: 2 } as const;
/** Bytes kept while the exchange is away; what comes beyond is dropped. */
const heldBytesMax = 64 * 1024;

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
  #socket: Socket | undefined;
  #held: Buffer[] = [];
  #heldBytes = 0;

  constructor(path: string) {
    this.#path = path;
  }

  /** Forwards until `readable` ends; never rejects. */
  async carry(stream: number, readable: Readable): Promise<void> {
    readable.on('data', (chunk: Buffer) => {
      if (this.#send(encodeLogFrame(stream, chunk))) return;
      readable.pause();
      this.#socket?.once('drain', () => readable.resume());
      this.#socket?.once('close', () => readable.resume());
    });
    try {
      await finished(readable, { writable: false });
    } catch {
      // The pipe broke: the process is gone, and so is what it had to say.
    }
  }

  /** Lets what was sent arrive, then closes. */
  async close(): Promise<void> {
    const socket = this.#socket;
    if (socket === undefined || socket.destroyed) return;
    await new Promise<void>((resolve) => {
      socket.once('close', () => resolve());
      if (socket.connecting) socket.once('connect', () => socket.end());
      else socket.end();
    });
  }

  // False: wait for 'drain'.
  #send(frame: Buffer): boolean {
    const socket = this.#socket;
    if (socket !== undefined && !socket.destroyed && !socket.connecting) return socket.write(frame);
    this.#hold(frame);
    if (socket === undefined || socket.destroyed) this.#connect();
    return true;
  }

  #hold(frame: Buffer): void {
    if (this.#heldBytes + frame.length > heldBytesMax) return;
    this.#held.push(frame);
    this.#heldBytes += frame.length;
  }

  #connect(): void {
    const socket = connect(this.#path);
    this.#socket = socket;
    socket.on('connect', () => {
      for (const frame of this.#held.splice(0)) socket.write(frame);
      this.#heldBytes = 0;
    });
    socket.on('error', () => socket.destroy());
    socket.resume();
  }
}
