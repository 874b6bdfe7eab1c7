// A snapshot as a stream: magic, then frames of length u32 and bytes: the head (head.ts), so many records (record.ts) as it
// says, those below the compact revision first and then the history in its order, and last the SHA-256 of all before it.
// It carries the history, so that who installs it can answer for old revisions and go on with its watches.
import { createHash } from 'node:crypto';
import { BarnError, type KeyValue } from '../barn.ts';
import { checkCommandFormat } from './command.ts';
import type { LogEntry } from './event-log.ts';
import { decodeChecked, encodeChecked, type Head, headFrom } from './head.ts';
import { decodeRecord, encodeRecord, type VersionRecord } from './record.ts';
import type { PlacedVersion } from './state.ts';

/** What a snapshot is made of; nobody changes it any more. */
export interface SnapshotSource {
  readonly head: Head;
  readonly old: readonly PlacedVersion[];
  readonly entries: readonly LogEntry[];
}

const magic = Buffer.from('RUNINK-BARN-SNAPSHOT-2\n');
const chunkBytes = 256 * 1024;
/** No record is longer, whatever a damaged length says. */
const frameBytesMax = 64 * 1024 * 1024;
const lengthBytes = 4;
const digestBytes = 32;

/** Writes a snapshot in chunks of about 256 KiB; encodes as it is read, and holds no more than a chunk beside its source. */
export async function* encodeSnapshot(source: SnapshotSource, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256');
  let parts: Uint8Array[] = [magic, ...frame(encodeChecked(source.head))];
  let bytes = 0;
  const flush = (): Uint8Array => {
    const chunk = Buffer.concat(parts);
    hash.update(chunk);
    parts = [];
    bytes = 0;
    return chunk;
  };
  for (const record of recordsOf(source)) {
    const encoded = encodeRecord(record);
    parts.push(...frame(encoded));
    bytes += lengthBytes + encoded.byteLength;
    if (bytes < chunkBytes) continue;
    signal?.throwIfAborted();
    yield flush();
  }
  yield flush();
  yield Buffer.concat(frame(hash.digest()));
}

/** Who reads a snapshot. What it gets is not yet known to be whole: only once `readSnapshot` resolves. */
export interface SnapshotReader {
  /** First. False ends the reading: it is not wanted. */
  head(head: Head): boolean;
  /** The values are the reader's own. */
  records(page: readonly VersionRecord[]): Promise<void>;
}

/**
 * Reads a snapshot, holding no more than a chunk of it; false when the reader did not want it. Errors: Corrupt when a byte is
 * damaged or missing, Storage when a newer version wrote it, and what the reader and the chunks throw.
 */
export async function readSnapshot(chunks: AsyncIterable<Uint8Array>, reader: SnapshotReader): Promise<boolean> {
  const frames = new FrameSplitter();
  let head: Head | undefined;
  let records = 0;
  let whole = false;
  for await (const chunk of chunks) {
    if (chunk.byteLength === 0) continue;
    if (whole) throw corrupt('something follows its end');
    frames.add(chunk);
    const page: VersionRecord[] = [];
    for (let body = frames.next(); body !== undefined; body = frames.next()) {
      if (whole) throw corrupt('something follows its end');
      if (head === undefined) {
        head = snapshotHead(body);
        if (!reader.head(head)) return false;
      } else if (records < head.versionsCount) {
        const { kv, index, count } = decodeRecord(body, `record ${records} of the snapshot`);
        page.push({ kv: ownValue(kv), index, count });
        records++;
      } else {
        if (!frames.digestBefore(body).equals(body)) throw corrupt('its hash does not match');
        whole = true;
      }
    }
    if (page.length > 0) await reader.records(page);
  }
  if (!whole || frames.left > 0) throw corrupt('it is cut off, or something follows its end');
  return true;
}

function snapshotHead(body: Buffer): Head {
  const head = headFrom(decodeChecked(body, 'the head of the snapshot'), 'the head of the snapshot');
  checkCommandFormat(head.format, 'the snapshot');
  return head;
}

/** Cuts chunks into frames, and hashes what has passed. */
class FrameSplitter {
  readonly #hash = createHash('sha256');
  #bytes = Buffer.alloc(0);
  #at = 0;
  #begun = false;

  /** Bytes that make no frame yet. */
  get left(): number {
    return this.#bytes.length - this.#at;
  }

  add(chunk: Uint8Array): void {
    this.#hash.update(this.#bytes.subarray(0, this.#at));
    this.#bytes = Buffer.concat([this.#bytes.subarray(this.#at), chunk]);
    this.#at = 0;
  }

  /** The next whole frame; shares memory with the chunks. */
  next(): Buffer | undefined {
    if (!this.#begun) {
      if (this.left < magic.length) return undefined;
      if (!this.#bytes.subarray(0, magic.length).equals(magic)) throw corrupt('it does not begin as one');
      this.#at = magic.length;
      this.#begun = true;
    }
    if (this.left < lengthBytes) return undefined;
    const length = this.#bytes.readUInt32BE(this.#at);
    if (length > frameBytesMax) throw corrupt(`it has a record of ${length} bytes`);
    if (this.left < lengthBytes + length) return undefined;
    const start = this.#at + lengthBytes;
    this.#at = start + length;
    return this.#bytes.subarray(start, this.#at);
  }

  /** The SHA-256 of all before the frame that `next` gave last. */
  digestBefore(last: Buffer): Buffer {
    if (last.length !== digestBytes) throw corrupt('its end is not a hash');
    return this.#hash.update(this.#bytes.subarray(0, this.#at - digestBytes - lengthBytes)).digest();
  }
}

function* recordsOf({ old, entries }: SnapshotSource): Generator<VersionRecord> {
  // How many events its revision had is asked of the history only.
  for (const { kv, index } of old) yield { kv, index, count: index + 1 };
  for (const { events } of entries) {
    for (const [index, { kv }] of events.entries()) yield { kv, index, count: events.length };
  }
}

function ownValue(kv: KeyValue): KeyValue {
  return { ...kv, value: new Uint8Array(kv.value) };
}

function frame(body: Uint8Array): [Uint8Array, Uint8Array] {
  const length = Buffer.allocUnsafe(lengthBytes);
  length.writeUInt32BE(body.byteLength);
  return [length, body];
}

function corrupt(why: string): BarnError {
  return new BarnError('Corrupt', `the snapshot cannot be read: ${why}`);
}
