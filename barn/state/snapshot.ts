// A snapshot as a stream: magic, then frames of length u32 and bytes: the head (head.ts), so many records (record.ts) as it
// says, those below the compact revision first and then the history in its order, and last the SHA-256 of all before it.
// It carries the history, so that who installs it can answer for old revisions and go on with its watches.
import { createHash } from 'node:crypto';
import { present } from '../../base/index.ts';
import { checkCommandFormat } from './command.ts';
import type { LogEntry } from './event-log.ts';
import { unreadable as corrupt, FrameSplitter, frame, lengthBytes, magicBytes } from './frames.ts';
import { decodeChecked, encodeChecked, type Head, headFrom } from './head.ts';
import { decodeRecord, encodeRecord, type FoundRecord, recordBytes, type VersionRecord } from './record.ts';
import type { PlacedVersion } from './state.ts';
import { nothingAbsent, type ValueReader, withValue } from './version.ts';

/** What a snapshot is made of; nobody changes it any more. */
export interface SnapshotSource {
  readonly head: Head;
  readonly old: readonly PlacedVersion[];
  readonly entries: readonly LogEntry[];
  /** Has the values that are not in memory; absent: all are. */
  readonly view?: ValueReader & { close(): Promise<void> };
}

const magic = { family: 'RUNINK-BARN-SNAPSHOT-', format: 2 } as const;
const chunkBytes = 256 * 1024;
const digestBytes = 32;

/**
 * Writes a snapshot in chunks of about 256 KiB; reads and encodes as it is read, and holds no more than a chunk beside its
 * source, whose view it closes.
 */
export async function* encodeSnapshot(source: SnapshotSource, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256');
  let parts: Uint8Array[] = [magicBytes(magic), ...frame(encodeChecked(source.head))];
  const flush = (): Uint8Array => {
    const chunk = Buffer.concat(parts);
    hash.update(chunk);
    parts = [];
    return chunk;
  };
  const { view } = source;
  try {
    for (const page of pagesOf(versionRecords(source), chunkBytes)) {
      for (const record of await filledRecords(page, view ?? nothingAbsent)) parts.push(...frame(encodeRecord(record)));
      signal?.throwIfAborted();
      yield flush();
    }
    if (parts.length > 0) yield flush();
    yield Buffer.concat(frame(hash.digest()));
  } finally {
    await view?.close();
  }
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
        page.push({ kv: withValue(kv, new Uint8Array(kv.value)), index, count });
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
export function* versionRecords({ old, entries }: Omit<SnapshotSource, 'head'>): Generator<FoundRecord> {
  // How many events its revision had is asked of the history only.
  for (const { kv, index } of old) yield { kv, index, count: index + 1 };
  for (const { events } of entries) {
    for (const [index, { kv }] of events.entries()) yield { kv, index, count: events.length };
  }
}

/** Records in pages of at least so many bytes, but for the last. */
export function* pagesOf<Found extends FoundRecord>(
  records: Iterable<Found>,
  bytesMin: number,
): Generator<readonly Found[]> {
  let page: Found[] = [];
  let bytes = 0;
  for (const record of records) {
    page.push(record);
    bytes += lengthBytes + recordBytes(record.kv);
    if (bytes < bytesMin) continue;
    yield page;
    page = [];
    bytes = 0;
  }
  if (page.length > 0) yield page;
}

/** The same records with their values. Errors: as `ValueReader.fill`. */
export async function filledRecords(
  page: readonly FoundRecord[],
  reader: ValueReader,
): Promise<readonly VersionRecord[]> {
  const values = (await reader.fill(page.map(({ kv }) => kv))).values();
  return page.map(({ kv, index, count }) => ({
    kv: present(values.next().value, `the version ${kv.modRevision}`),
    index,
    count,
  }));
}
