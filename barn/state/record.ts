// How a version of a key is written: on disk and in snapshots, big-endian.
//   checksum u32 | format u8 | kind u8 | index u8 | count u8 | createRevision u48 | modRevision u48 | version u48 | keyLength u16 | key | value
// The checksum (CRC-32, zlib's) covers all that follows it.
import { crc32 } from 'node:zlib';
import { BarnError, type KeyValue } from '../barn.ts';
import { isLive } from './transaction.ts';

/** A version of a key, as the event `index` of the `count` of its revision. */
export interface VersionRecord {
  readonly kv: KeyValue;
  readonly index: number;
  readonly count: number;
}

const recordFormat = 1;
const headerBytes = 28;
const kindPut = 1;
const kindDelete = 2;

/** Writes a record; `decodeRecord` reads it. */
export function encodeRecord({ kv, index, count }: VersionRecord): Buffer {
  const bytes = Buffer.allocUnsafe(headerBytes + kv.key.length + kv.value.byteLength);
  bytes[4] = recordFormat;
  bytes[5] = isLive(kv) ? kindPut : kindDelete;
  bytes[6] = index;
  bytes[7] = count;
  bytes.writeUIntBE(kv.createRevision, 8, 6);
  bytes.writeUIntBE(kv.modRevision, 14, 6);
  bytes.writeUIntBE(kv.version, 20, 6);
  bytes.writeUInt16BE(kv.key.length, 26);
  bytes.write(kv.key, headerBytes, 'latin1');
  bytes.set(kv.value, headerBytes + kv.key.length);
  bytes.writeUInt32BE(crc32(bytes.subarray(4)), 0);
  return bytes;
}

/** Reads a record; its value shares memory with `bytes`. Errors: Corrupt, naming `where` it was read. */
export function decodeRecord(bytes: Uint8Array, where: string): VersionRecord {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.length < headerBytes) throw corrupt(where, `it has ${view.length} bytes`);
  if (view.readUInt32BE(0) !== crc32(view.subarray(4))) throw corrupt(where, 'its checksum does not match');
  const format = view.readUInt8(4);
  if (format !== recordFormat) throw corrupt(where, `its format is ${format}, not ${recordFormat}`);
  const valueAt = headerBytes + view.readUInt16BE(26);
  if (valueAt > view.length) throw corrupt(where, 'its key is longer than the record');
  const kv = {
    key: view.toString('latin1', headerBytes, valueAt),
    value: bytes.subarray(valueAt),
    createRevision: view.readUIntBE(8, 6),
    modRevision: view.readUIntBE(14, 6),
    version: view.readUIntBE(20, 6),
  };
  if ((view[5] === kindPut) !== isLive(kv)) throw corrupt(where, 'its kind does not fit its version');
  return { kv, index: view.readUInt8(6), count: view.readUInt8(7) };
}

function corrupt(where: string, why: string): BarnError {
  return new BarnError('Corrupt', `the record at ${where} is damaged: ${why}`);
}
