// A snapshot, in order: magic, then frames of length u32 and bytes: a header {revision, count} in JSON, the live keys as
// records, and last the SHA-256 of everything before its frame.
import { createHash } from 'node:crypto';
import { BarnError, type KeyValue, type Revision } from '../barn.ts';
import { decodeRecord, encodeRecord } from './record.ts';

const magic = Buffer.from('RUNINK-BARN-SNAPSHOT-1\n');
const chunkBytes = 256 * 1024;

/** Writes a snapshot of `items`, which nobody changes, in chunks of about 256 KiB; encodes as it is read. */
export async function* encodeSnapshot(
  revision: Revision,
  items: readonly KeyValue[],
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256');
  let parts: Buffer[] = [magic, ...frame(Buffer.from(JSON.stringify({ revision, count: items.length })))];
  let bytes = 0;
  const flush = (): Buffer => {
    const chunk = Buffer.concat(parts);
    hash.update(chunk);
    parts = [];
    bytes = 0;
    return chunk;
  };
  for (const kv of items) {
    signal?.throwIfAborted();
    const record = encodeRecord({ kv, index: 0, count: 1 });
    parts.push(...frame(record));
    bytes += record.length;
    if (bytes >= chunkBytes) yield flush();
  }
  yield flush();
  yield Buffer.concat(frame(hash.digest()));
}

/** Reads a snapshot into memory. Errors: Corrupt when a byte is damaged or missing. */
export async function decodeSnapshot(
  chunks: AsyncIterable<Uint8Array>,
): Promise<{ readonly revision: Revision; readonly items: readonly KeyValue[] }> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  const bytes = Buffer.concat(parts);
  if (!bytes.subarray(0, magic.length).equals(magic)) throw corrupt('it does not begin as one');
  const frames: { readonly at: number; readonly body: Buffer }[] = [];
  for (let at = magic.length; at < bytes.length; ) {
    const end = at + 4 + (at + 4 <= bytes.length ? bytes.readUInt32BE(at) : Number.POSITIVE_INFINITY);
    if (end > bytes.length) throw corrupt('it is cut off');
    frames.push({ at, body: bytes.subarray(at + 4, end) });
    at = end;
  }
  const header = frames.shift();
  const digest = frames.pop();
  if (header === undefined || digest === undefined) throw corrupt('it is cut off');
  const expected = createHash('sha256').update(bytes.subarray(0, digest.at)).digest();
  if (!digest.body.equals(expected)) throw corrupt('its hash does not match');
  const { revision, count } = JSON.parse(header.body.toString()) as { revision: Revision; count: number };
  if (count !== frames.length) throw corrupt(`it has ${frames.length} keys, not ${count}`);
  return { revision, items: frames.map(({ body, at }) => decodeRecord(body, `snapshot byte ${at}`).kv) };
}

function frame(body: Buffer): [Buffer, Buffer] {
  const length = Buffer.allocUnsafe(4);
  length.writeUInt32BE(body.length);
  return [length, body];
}

function corrupt(why: string): BarnError {
  return new BarnError('Corrupt', `the snapshot cannot be read: ${why}`);
}
