// How a test or a benchmark talks to a member in a process of its own: frames of
//   length u32 | request u32 | kind u8 | body
// What is measured has bodies of plain bytes (the generator of the benchmarks speaks it too: test/bench/barn-framed.c);
// everything else is JSON, with bytes in base64. An answer
// repeats the request's number and has the kind `ok` with the body of the question's kind, `refused` with a BarnError as
// JSON, or `event` for one batch of a watch. Little-endian; numbers of more than 32 bits take 6 bytes.
import { BarnError, type BarnReason, type KeyValue } from '../../../barn/index.ts';

/** What a frame is. */
export const kind = {
  put: 1,
  get: 2,
  call: 3,
  watch: 4,
  stop: 5,
  list: 6,
  follow: 7,
  ok: 16,
  refused: 17,
  event: 18,
} as const;

/** The bytes before a frame's body. */
export const headBytes = 9;
const frameBytesMax = 64 * 1024 * 1024;

/** One frame as it came; the body shares memory with what was read. */
export interface Frame {
  readonly request: number;
  readonly kind: number;
  readonly body: Buffer;
}

/** A frame as bytes, of which the last `bodyBytes` are to be filled by `write`. */
export function frame(request: number, kindOf: number, bodyBytes: number, write?: (body: Buffer) => void): Buffer {
  const bytes = Buffer.allocUnsafe(headBytes + bodyBytes);
  bytes.writeUInt32LE(bodyBytes + headBytes - 4, 0);
  bytes.writeUInt32LE(request, 4);
  bytes[8] = kindOf;
  write?.(bytes.subarray(headBytes));
  return bytes;
}

/** A frame with a JSON body. */
export function jsonFrame(request: number, kindOf: number, value: unknown): Buffer {
  const body = Buffer.from(toJson(value));
  return frame(request, kindOf, body.length, (to) => to.set(body));
}

/** Cuts a stream into frames; gives those that are whole. */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0);

  push(chunk: Buffer): readonly Frame[] {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const frames: Frame[] = [];
    while (bytes.length >= headBytes) {
      const length = bytes.readUInt32LE(0);
      if (length < headBytes - 4 || length > frameBytesMax) throw new Error(`a frame of ${length} bytes`);
      if (bytes.length < length + 4) break;
      frames.push({
        request: bytes.readUInt32LE(4),
        kind: bytes.readUInt8(8),
        body: bytes.subarray(headBytes, length + 4),
      });
      bytes = bytes.subarray(length + 4);
    }
    this.#rest = bytes;
    return frames;
  }
}

/** Body of a put: the key's length (u16), the key, the value. Its answer: the revision (u48). */
export function putFrame(request: number, key: string, value: Uint8Array): Buffer {
  return frame(request, kind.put, 2 + key.length + value.byteLength, (body) => {
    body.writeUInt16LE(key.length, 0);
    body.write(key, 2, 'latin1');
    body.set(value, 2 + key.length);
  });
}

/** Body of a get: 1 for serializable else 0, the key. Its answer: modRevision (u48, 0: no such key), the value. */
export function getFrame(request: number, key: string, isSerializable: boolean): Buffer {
  return frame(request, kind.get, 1 + key.length, (body) => {
    body[0] = isSerializable ? 1 : 0;
    body.write(key, 1, 'latin1');
  });
}

/** The answer to a get. */
export function valueFrame(request: number, kv: KeyValue | undefined): Buffer {
  return frame(request, kind.ok, 6 + (kv?.value.byteLength ?? 0), (body) => {
    body.writeUIntLE(kv?.modRevision ?? 0, 0, 6);
    if (kv !== undefined) body.set(kv.value, 6);
  });
}

/** Answer to a list, whose question is the first key (its length u16 before it) and the end: key, revisions and value of each. */
export function listFrame(request: number, items: readonly KeyValue[]): Buffer {
  const itemBytes = 24;
  const size = items.reduce((sum, { key, value }) => sum + itemBytes + key.length + value.byteLength, 0);
  return frame(request, kind.ok, size, (body) => {
    let at = 0;
    for (const { key, value, createRevision, modRevision, version } of items) {
      body.writeUIntLE(createRevision, at, 6);
      body.writeUIntLE(modRevision, at + 6, 6);
      body.writeUIntLE(version, at + 12, 6);
      body.writeUInt16LE(key.length, at + 18);
      body.writeUInt32LE(value.byteLength, at + 20);
      body.write(key, at + itemBytes, 'latin1');
      body.set(value, at + itemBytes + key.length);
      at += itemBytes + key.length + value.byteLength;
    }
  });
}

/** Event of one who follows a key, which is the whole question: how many events came at once. */
export function countFrame(request: number, count: number): Buffer {
  return frame(request, kind.event, 4, (body) => body.writeUInt32LE(count, 0));
}

/** JSON in which bytes are {"$": base64}. */
export function toJson(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    isBufferJson(part)
      ? { $: Buffer.from(part.data).toString('base64') }
      : part instanceof Uint8Array
        ? { $: Buffer.from(part).toString('base64') }
        : part,
  );
}

/** What `toJson` wrote. The caller says what it is: both ends are this program. */
export function fromJson<T>(bytes: Uint8Array): T {
  return JSON.parse(Buffer.from(bytes).toString(), (_, part: unknown) =>
    isBytes(part) ? new Uint8Array(Buffer.from(part.$, 'base64')) : part,
  ) as T;
}

/** An error on its way. */
export function refusal(error: unknown): object {
  if (!(error instanceof BarnError)) return { message: String(error) };
  const { reason, message, compactRevision } = error;
  return { reason, message, compactRevision };
}

/** The error that `refusal` described. */
export function toError(body: Uint8Array): Error {
  const { reason, message, compactRevision } = fromJson<{
    reason?: BarnReason;
    message: string;
    compactRevision?: number;
  }>(body);
  if (reason === undefined) return new Error(message);
  return new BarnError(reason, message, compactRevision === undefined ? {} : { compactRevision });
}

function isBufferJson(part: unknown): part is { readonly data: readonly number[] } {
  return typeof part === 'object' && part !== null && 'type' in part && part.type === 'Buffer' && 'data' in part;
}

function isBytes(part: unknown): part is { readonly $: string } {
  return typeof part === 'object' && part !== null && '$' in part && typeof part.$ === 'string';
}
