// How a version of a key is written: on disk and in snapshots, big-endian.
//   checksum u32 | format u8 | kind u8 | index u16 | count u16 | createRevision u48 | modRevision u48 | version u48 | keyLength u16 | key | value
// The checksum (CRC-32, zlib's) covers all that follows it.
import { crc32 } from 'node:zlib';
import { BarnError, type KeyValue } from '../barn.ts';
import { isLive } from './transaction.ts';
import { type NewEvent, type Version, valueBytesOf } from './version.ts';

/** A version of a key, as the event `index` of the `count` of its revision. */
export interface VersionRecord {
  readonly kv: KeyValue;
  readonly index: number;
  readonly count: number;
}

/** A record whose value may be on disk. */
export interface FoundRecord extends Omit<VersionRecord, 'kv'> {
  readonly kv: Version;
}

const recordFormat = 2;
const headerBytes = 30;
const kindPut = 1;
const kindDelete = 2;

/** Writes a record; `decodeRecord` reads it. */
export function encodeRecord(record: VersionRecord): Buffer {
  const { key, value } = record.kv;
  const bytes = Buffer.allocUnsafe(headerBytes + key.length + value.byteLength);
  const valueAt = writeHeader(record, bytes);
  bytes.set(value, valueAt);
  bytes.writeUInt32BE(crc32(bytes.subarray(4)), 0);
  return bytes;
}

/** How many bytes `encodeRecord` writes. */
export function recordBytes(kv: Version): number {
  return headerBytes + kv.key.length + valueBytesOf(kv);
}

/** Continues the running hash of all events by those of one more revision. */
export function hashEvents(hash: number, events: readonly NewEvent[]): number {
  let next = hash;
  for (const [index, { kv }] of events.entries()) {
    const valueAt = writeHeader({ kv, index, count: events.length }, header);
    next = crc32(kv.value, crc32(header.subarray(4, valueAt), next));
  }
  return next;
}

/** Reads a record; its value shares memory with `bytes`. Errors: Corrupt, naming `where` it was read. */
export function decodeRecord(bytes: Uint8Array, where: string): VersionRecord {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.length < headerBytes) throw corrupt(where, `it has ${view.length} bytes`);
  if (view.readUInt32BE(0) !== crc32(view.subarray(4))) throw corrupt(where, 'its checksum does not match');
  const format = view.readUInt8(4);
  if (format !== recordFormat) throw corrupt(where, `its format is ${format}, not ${recordFormat}`);
  const valueAt = headerBytes + view.readUInt16BE(28);
  if (valueAt > view.length) throw corrupt(where, 'its key is longer than the record');
  const kv = {
    key: view.toString('latin1', headerBytes, valueAt),
    value: bytes.subarray(valueAt),
    createRevision: view.readUIntBE(10, 6),
    modRevision: view.readUIntBE(16, 6),
    version: view.readUIntBE(22, 6),
  };
  if ((view[5] === kindPut) !== isLive(kv)) throw corrupt(where, 'its kind does not fit its version');
  return { kv, index: view.readUInt16BE(6), count: view.readUInt16BE(8) };
}

/** What stands before the value, but for the checksum; returns where the value begins. */
function writeHeader({ kv, index, count }: VersionRecord, into: Buffer): number {
  into[4] = recordFormat;
  into[5] = isLive(kv) ? kindPut : kindDelete;
  into.writeUInt16BE(index, 6);
  into.writeUInt16BE(count, 8);
  into.writeUIntBE(kv.createRevision, 10, 6);
  into.writeUIntBE(kv.modRevision, 16, 6);
  into.writeUIntBE(kv.version, 22, 6);
  into.writeUInt16BE(kv.key.length, 28);
  into.write(kv.key, headerBytes, 'latin1');
  return headerBytes + kv.key.length;
}

// Written and read within one call.
const header = Buffer.alloc(headerBytes + 0xffff);

function corrupt(where: string, why: string): BarnError {
  return new BarnError('Corrupt', `${where} is damaged: ${why}`);
}
