// A snapshot as a stream: magic, then frames of length u32 and bytes: the head (head.ts), so many records (record.ts) as it
// says, those below the compact revision first and then the history in its order, and last the SHA-256 of all before it.
// It carries the history, so that who installs it can answer for old revisions and go on with its watches.
import { createHash } from 'node:crypto';
import type { KeyValue } from '../barn.ts';
import { checkCommandFormat } from './command.ts';
import type { LogEntry } from './event-log.ts';
import { unreadable as corrupt, FrameSplitter, frame, lengthBytes, magicBytes } from './frames.ts';
import { decodeChecked, encodeChecked, type Head, headFrom } from './head.ts';
import { decodeRecord, encodeRecord, type VersionRecord } from './record.ts';
import type { PlacedVersion } from './state.ts';

/** What a snapshot is made of; nobody changes it any more. */
export interface SnapshotSource {
  readonly head: Head;
  readonly old: readonly PlacedVersion[];
  readonly entries: readonly LogEntry[];
}

const magic = { family: 'RUNINK-BARN-SNAPSHOT-', format: 2 } as const;
const chunkBytes = 256 * 1024;
const digestBytes = 32;

/** Writes a snapshot in chunks of about 256 KiB; encodes as it is read, and holds no more than a chunk beside its source. */
export async function* encodeSnapshot(source: SnapshotSource, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256');
  let parts: Uint8Array[] = [magicBytes(magic), ...frame(encodeChecked(source.head))];
  let bytes = 0;
  const flush = (): Uint8Array => {
    const chunk = Buffer.concat(parts);
    hash.update(chunk);
    parts = [];
    bytes = 0;
    return chunk;
  };
  for (const record of versionRecords(source)) {
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
  const hash = createHash('sha256');
  const frames = new FrameSplitter(magic, (passed) => void hash.update(passed));
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
        if (body.length !== digestBytes) throw corrupt('its end is not a hash');
        frames.passUpTo(body);
        if (!hash.digest().equals(body)) throw corrupt('its hash does not match');
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

/** All versions of keys as records, in the order of a snapshot. */
export function* versionRecords({ old, entries }: Omit<SnapshotSource, 'head'>): Generator<VersionRecord> {
  // How many events its revision had is asked of the history only.
  for (const { kv, index } of old) yield { kv, index, count: index + 1 };
  for (const { events } of entries) {
    for (const [index, { kv }] of events.entries()) yield { kv, index, count: events.length };
  }
}

function ownValue(kv: KeyValue): KeyValue {
  return { ...kv, value: new Uint8Array(kv.value) };
}
