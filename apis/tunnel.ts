// The agent's dial-out stream after its HTTP upgrade (docs/wiring.md): the server opens streams, the agent answers them.
// Frames: u32 little-endian payload length, u32 stream id, u8 kind, payload. Agent and exchange speak the same over their
// socketpair.

/** The token of the Upgrade header. */
export const tunnelProtocol = 'runink-tunnel/1';
export const tunnelPayloadBytesMax = 64 * 1024;
/** How many bytes of data may be sent on a new stream before the first window frame. */
export const tunnelWindowBytes = 256 * 1024;
const headerBytes = 9;

/** Kinds of frames by their number on the wire. */
export const tunnelKind = { open: 1, data: 2, end: 3, error: 4, cancel: 5, window: 6 } as const;
export type TunnelKind = (typeof tunnelKind)[keyof typeof tunnelKind];

/** What the server asks an agent for, as JSON in an open frame. */
export type TunnelRequest =
  | {
      readonly do: 'log';
      readonly namespace: string;
      readonly run: string;
      readonly runUID: string;
      readonly step: string;
      /** Absent: the newest that this node knows. */
      readonly attempt?: number;
      readonly follow?: boolean;
      readonly tailLines?: number;
      readonly sinceSeconds?: number;
      /** ISO 8601 in UTC with milliseconds. */
      readonly sinceTime?: string;
      /** Whether each line begins with its time. */
      readonly timestamps?: boolean;
    }
  | { readonly do: 'progress'; readonly runUID: string };

/** One frame of a stream; the payload is the reader's to keep. */
export interface TunnelFrame {
  readonly stream: number;
  readonly kind: TunnelKind;
  readonly payload: Buffer;
}

/** One whole frame; throws TunnelError when the payload is too long. */
export function encodeTunnelFrame(stream: number, kind: TunnelKind, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  if (payload.length > tunnelPayloadBytesMax) throw new TunnelError(`tunnel payload of ${payload.length} bytes`);
  const frame = Buffer.alloc(headerBytes + payload.length);
  frame.writeUInt32LE(payload.length, 0);
  frame.writeUInt32LE(stream, 4);
  frame.writeUInt8(kind, 8);
  frame.set(payload, headerBytes);
  return frame;
}

/** A window frame: the receiver takes `bytes` more. */
export function encodeTunnelWindow(stream: number, bytes: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32LE(bytes, 0);
  return encodeTunnelFrame(stream, tunnelKind.window, payload);
}

/** Cuts a byte stream into frames; throws TunnelError on a kind or a length that may not be. */
export class TunnelReader {
  #held: Buffer = Buffer.alloc(0);

  push(chunk: Buffer): TunnelFrame[] {
    this.#held = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    const frames: TunnelFrame[] = [];
    while (this.#held.length >= headerBytes) {
      const length = this.#held.readUInt32LE(0);
      const kind = kindOf(this.#held.readUInt8(8));
      if (length > tunnelPayloadBytesMax) throw new TunnelError(`tunnel frame of ${length} bytes`);
      if (kind === tunnelKind.window && length !== 4) throw new TunnelError('tunnel window frame of a wrong length');
      if (this.#held.length < headerBytes + length) break;
      const payload = this.#held.subarray(headerBytes, headerBytes + length);
      frames.push({ stream: this.#held.readUInt32LE(4), kind, payload });
      this.#held = this.#held.subarray(headerBytes + length);
    }
    return frames;
  }
}

/** A peer that does not speak the protocol; the connection is closed. */
export class TunnelError extends Error {
  override readonly name = 'TunnelError';
}

function kindOf(byte: number): TunnelKind {
  const kind = Object.values(tunnelKind).find((known) => known === byte);
  if (kind === undefined) throw new TunnelError(`tunnel frame of unknown kind ${byte}`);
  return kind;
}
