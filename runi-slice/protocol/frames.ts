// The control socket between agent and slice. Frames: u8 type, u8 version, u16 zero, u32 little-endian length, payload.
// The agent parses only the fixed forms below (at most 4 KiB each); text inside is passed on as bytes.
import { InvariantError } from '../../base/index.ts';

/** The second byte of every frame; another one is refused. */
export const protocolVersion = 1;
/** The longest frame a slice may send. */
export const sliceFrameBytesMax = 4096;
/** The longest frame an agent may send (the spec). */
export const agentFrameBytesMax = 4 * 1024 * 1024;
const headerBytes = 8;

/** Types of frames by their number on the wire; from 16 on they come from the slice. */
export const frameType = { spec: 1, cancel: 2, hello: 16, counters: 17, result: 18 } as const;
export type FrameType = (typeof frameType)[keyof typeof frameType];

/** What a step has done so far; records and bytes as they crossed its doors. */
export interface Counters {
  readonly recordsIn: number;
  readonly recordsOut: number;
  readonly recordsRejected: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

/** How a slice ended, in its own words. Codes are the Slice's status.reason when the step failed. */
export interface SliceResult {
  readonly ok: boolean;
  /** CamelCase, e.g. StepFailed, ContractViolation, SourceNotFound, SinkNotWritable, DecodeFailed, InvalidStep; '' when ok. */
  readonly reason: string;
  readonly message: string;
  readonly counters: Counters;
}

/** One whole frame, as read. */
export interface Frame {
  readonly type: number;
  readonly payload: Buffer;
}

/** One whole frame. */
export function encodeFrame(type: FrameType, payload: Uint8Array): Buffer {
  const frame = Buffer.alloc(headerBytes + payload.length);
  frame.writeUInt8(type, 0);
  frame.writeUInt8(protocolVersion, 1);
  frame.writeUInt32LE(payload.length, 4);
  frame.set(payload, headerBytes);
  return frame;
}

/** Cuts a byte stream into frames; throws FrameError on a version, a length or a type that may not be. */
export class FrameReader {
  readonly #bytesMax: number;
  #held: Buffer = Buffer.alloc(0);

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  push(chunk: Buffer): Frame[] {
    this.#held = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    const frames: Frame[] = [];
    while (this.#held.length >= headerBytes) {
      const length = this.#held.readUInt32LE(4);
      if (this.#held.readUInt8(1) !== protocolVersion) throw new FrameError('control frame of another version');
      if (length > this.#bytesMax)
        throw new FrameError(`control frame of ${length} bytes, at most ${this.#bytesMax} allowed`);
      if (this.#held.length < headerBytes + length) break;
      frames.push({ type: this.#held.readUInt8(0), payload: this.#held.subarray(headerBytes, headerBytes + length) });
      this.#held = this.#held.subarray(headerBytes + length);
    }
    return frames;
  }
}

/** A peer that does not speak the protocol; the connection is closed. */
export class FrameError extends Error {
  override readonly name = 'FrameError';
}

/** Counters as five u64. */
export function encodeCounters(counters: Counters): Buffer {
  const payload = Buffer.alloc(40);
  counterFields.forEach((field, index) => {
    payload.writeBigUInt64LE(BigInt(counters[field]), index * 8);
  });
  return payload;
}

/** Reads what encodeCounters wrote; numbers above 2^53 are clamped. */
export function decodeCounters(payload: Buffer): Counters {
  if (payload.length < 40) throw new FrameError('counters frame is short');
  const at = (index: number): number => Number(payload.readBigUInt64LE(index * 8));
  return { recordsIn: at(0), recordsOut: at(1), recordsRejected: at(2), bytesIn: at(3), bytesOut: at(4) };
}

/** A result: u8 ok, u8 length of reason, reason, counters, then the message to the end of the frame (cut to fit). */
export function encodeResult(result: SliceResult): Buffer {
  const reason = Buffer.from(result.reason);
  if (reason.length > 64) throw new InvariantError('reason is longer than 64 bytes');
  const message = Buffer.from(result.message).subarray(0, sliceFrameBytesMax - 2 - reason.length - 40 - headerBytes);
  return Buffer.concat([
    Buffer.from([result.ok ? 1 : 0, reason.length]),
    reason,
    encodeCounters(result.counters),
    message,
  ]);
}

/** Reads what encodeResult wrote. */
export function decodeResult(payload: Buffer): SliceResult {
  if (payload.length < 42) throw new FrameError('result frame is short');
  const reasonEnd = 2 + payload.readUInt8(1);
  if (payload.length < reasonEnd + 40) throw new FrameError('result frame is short');
  const reason = payload.toString('latin1', 2, reasonEnd);
  if (!/^[A-Za-z]{0,64}$/.test(reason)) throw new FrameError('result frame has no valid reason');
  return {
    ok: payload.readUInt8(0) === 1,
    reason,
    counters: decodeCounters(payload.subarray(reasonEnd, reasonEnd + 40)),
    message: payload.toString('utf8', reasonEnd + 40),
  };
}

const counterFields = ['recordsIn', 'recordsOut', 'recordsRejected', 'bytesIn', 'bytesOut'] as const;
