// How the log looks on disk; numbers are big-endian, u64 hold at most 2^53 - 1.
//
// A directory holds segments `<sequence in 16 hex digits>.wal`, consecutive, and spares that are being zero-filled. A segment
// is a head and records, each beginning on a multiple of 64 bytes; what is not written yet is zero, or past the file's end.
//
// Head: magic 8 | format u8 | flags u8 | 0 u16 | length u32 | cluster u64 | member u64 | segment u64 | first record u64 |
//       salt 8 | zero-filled u64 | last index u64 | chain before u32 | checksum u32 | items (hard state, snapshot)
// Record: magic u32 | format u8 | flags u8 | 0 u16 | salt 8 | record u64 | body's length u32 | chain before u32 |
//         chain u32 | checksum of the head so far u32 | body | trailer 8 | zeros up to a multiple of 64
//
// The chain is one CRC-32 (zlib's) over everything: each record's and each head's begins with the one before. The salt is new
// in each segment and in each of its records: nothing that a user wrote, and no record of another life of the file, can be
// taken for a record. A record's head never crosses a sector, and the trailer holds no zero: tail.ts tells by that what a
// torn write left from what was damaged later.
import { crc32 } from 'node:zlib';
import type { HardState, Snapshot } from '../raft/protocol.ts';
import { ByteReader, ByteWriter, FormatError } from './bytes.ts';
import { decodeItems, encodeHardState, encodeSnapshot } from './items.ts';

/** What a disk writes all or nothing of. */
export const sectorBytes = 512;
/** Where records may begin: so a record's head lies in one sector. */
export const alignmentBytes = 64;
export const recordHeadBytes = 40;
/** Ends every record; none of its bytes is zero. */
export const trailer = Buffer.from('\xabRunEnd\xcd', 'latin1');
export const saltBytes = 8;
/** A longer segment head is none. */
const segmentHeadBytesMax = 1024 * 1024;
/** As much as must be read to learn how long the head is. */
export const segmentHeadFixedBytes = 80;

const format = 1;
const segmentMagic = Buffer.from('\xf1RuninkL', 'latin1');
const recordMagic = 0xf1524543;
/** With it every record begins; it is not zero. */
export const recordFirstByte = recordMagic >>> 24;
const flagSealed = 1;

/** Whose log it is. */
export interface WalMetadata {
  readonly clusterId: number;
  readonly memberId: number;
}

/** What the head of a segment says: enough to begin with it when everything before it is gone. */
export interface SegmentHead extends WalMetadata {
  readonly segment: number;
  readonly firstRecord: number;
  readonly salt: Uint8Array;
  /** How long the file was made, zero-filled; 0 when it grows as it is written. */
  readonly filledBytes: number;
  /** The last index of the log before this segment. */
  readonly lastIndex: number;
  readonly chainBefore: number;
  readonly hardState: HardState | undefined;
  readonly snapshot: Snapshot;
}

/** What the head of a record says. */
export interface RecordHead {
  readonly sealed: boolean;
  readonly record: number;
  readonly bodyBytes: number;
  readonly chainBefore: number;
  readonly chain: number;
}

/** The name of a segment's file; `segmentOf` reads it. */
export function segmentName(segment: number): string {
  return `${segment.toString(16).padStart(16, '0')}.wal`;
}

/** The number of the segment that a file of this name is, or undefined. */
export function segmentOf(name: string): number | undefined {
  if (!/^[0-9a-f]{16}\.wal$/.test(name)) return undefined;
  const segment = Number.parseInt(name, 16);
  return Number.isSafeInteger(segment) ? segment : undefined;
}

/** How long a record with such a body is, up to where the next begins. */
export function recordBytes(bodyBytes: number): number {
  return aligned(recordHeadBytes + bodyBytes + trailer.length);
}

/** The next multiple of the alignment. */
export function aligned(position: number): number {
  return Math.ceil(position / alignmentBytes) * alignmentBytes;
}

/** The head with zeros up to where the first record begins, and the chain after it. */
export function encodeSegmentHead(head: SegmentHead): { readonly bytes: Buffer; readonly chain: number } {
  const items = new ByteWriter();
  if (head.hardState !== undefined) encodeHardState(items, head.hardState);
  encodeSnapshot(items, head.snapshot, 'released');
  const body = Buffer.concat(items.take());
  const length = segmentHeadFixedBytes + body.length;
  const bytes = Buffer.alloc(aligned(length));
  segmentMagic.copy(bytes);
  bytes[8] = format;
  bytes.writeUInt32BE(length, 12);
  const numbers = [head.clusterId, head.memberId, head.segment, head.firstRecord];
  for (const [at, number] of numbers.entries()) bytes.writeBigUInt64BE(BigInt(number), 16 + 8 * at);
  bytes.set(head.salt, 48);
  bytes.writeBigUInt64BE(BigInt(head.filledBytes), 56);
  bytes.writeBigUInt64BE(BigInt(head.lastIndex), 64);
  bytes.writeUInt32BE(head.chainBefore, 72);
  body.copy(bytes, segmentHeadFixedBytes);
  const chain = headChain(bytes, length, head.chainBefore);
  bytes.writeUInt32BE(chain, 76);
  return { bytes, chain };
}

/** How long the head is that begins with these bytes. Errors: FormatError. */
export function segmentHeadLength(fixed: Buffer): number {
  if (fixed.length < segmentHeadFixedBytes) throw new FormatError('it is too short for the head of a segment');
  if (!segmentMagic.equals(fixed.subarray(0, 8))) throw new FormatError('it does not begin as a segment does');
  const length = fixed.readUInt32BE(12);
  if (length < segmentHeadFixedBytes || length > segmentHeadBytesMax)
    throw new FormatError('the length of its head cannot be');
  return length;
}

/** Reads a whole head; `chain` is the one after it. Errors: FormatError. */
export function decodeSegmentHead(bytes: Buffer): SegmentHead & { readonly chain: number } {
  const length = segmentHeadLength(bytes);
  if (bytes.length < length) throw new FormatError('its head is cut off');
  const chainBefore = bytes.readUInt32BE(72);
  const chain = headChain(bytes, length, chainBefore);
  if (chain !== bytes.readUInt32BE(76)) throw new FormatError('the checksum of its head does not match');
  if (bytes[8] !== format) throw new FormatError(`its format is ${bytes[8]}, not ${format}`, true);
  const numbers = new ByteReader(bytes.subarray(16, 72));
  const [clusterId, memberId, segment, firstRecord] = [numbers.u64(), numbers.u64(), numbers.u64(), numbers.u64()];
  const salt = Buffer.from(numbers.bytes(saltBytes));
  const [filledBytes, lastIndex] = [numbers.u64(), numbers.u64()];
  const items = decodeItems(bytes.subarray(segmentHeadFixedBytes, length));
  const snapshot = items.find((item) => item.kind === 'released')?.snapshot;
  if (snapshot === undefined) throw new FormatError('its head has no snapshot');
  const hardState = items.find((item) => item.kind === 'hardState')?.hardState;
  return {
    clusterId,
    memberId,
    segment,
    firstRecord,
    salt,
    filledBytes,
    lastIndex,
    chainBefore,
    chain,
    snapshot,
    hardState,
  };
}

function headChain(bytes: Buffer, length: number, before: number): number {
  return crc32(bytes.subarray(segmentHeadFixedBytes, length), crc32(bytes.subarray(0, 76), before));
}

/** The head and the end of a record around a body in parts, and the chain after it. */
export function encodeRecord(
  body: readonly Uint8Array[],
  { salt, record, chain, sealed }: { salt: Uint8Array; record: number; chain: number; sealed: boolean },
): { readonly buffers: readonly Uint8Array[]; readonly bytes: number; readonly chain: number } {
  const bodyBytes = body.reduce((sum, part) => sum + part.byteLength, 0);
  const bytes = recordBytes(bodyBytes);
  const head = Buffer.alloc(recordHeadBytes);
  head.writeUInt32BE(recordMagic, 0);
  head[4] = format;
  head[5] = sealed ? flagSealed : 0;
  head.set(salt, 8);
  head.writeBigUInt64BE(BigInt(record), 16);
  head.writeUInt32BE(bodyBytes, 24);
  head.writeUInt32BE(chain, 28);
  const after = recordChain(head, body, chain);
  head.writeUInt32BE(after, 32);
  head.writeUInt32BE(crc32(head.subarray(0, 36)), 36);
  const end = Buffer.alloc(bytes - recordHeadBytes - bodyBytes);
  trailer.copy(end);
  return { buffers: [head, ...body, end], bytes, chain: after };
}

/** The chain after a record with this head and body, from the one before. */
export function recordChain(head: Buffer, body: readonly Uint8Array[], before: number): number {
  return body.reduce<number>((chain, part) => crc32(part, chain), crc32(head.subarray(0, 32), before));
}

/** Reads a record's head, or undefined when these bytes are none of a segment with this salt. Errors: FormatError (unknown format). */
export function decodeRecordHead(head: Buffer, salt: Uint8Array): RecordHead | undefined {
  if (head.length < recordHeadBytes || head.readUInt32BE(0) !== recordMagic) return undefined;
  if (head.readUInt32BE(36) !== crc32(head.subarray(0, 36))) return undefined;
  if (Buffer.compare(head.subarray(8, 16), salt) !== 0) return undefined;
  if (head[4] !== format) throw new FormatError(`a record's format is ${head[4]}, not ${format}`, true);
  return {
    sealed: ((head[5] ?? 0) & flagSealed) !== 0,
    record: Number(head.readBigUInt64BE(16)),
    bodyBytes: head.readUInt32BE(24),
    chainBefore: head.readUInt32BE(28),
    chain: head.readUInt32BE(32),
  };
}
