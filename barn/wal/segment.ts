import { BarnError } from '../barn.ts';
import { FormatError } from './bytes.ts';
import {
  aligned,
  decodeRecordHead,
  decodeSegmentHead,
  type RecordHead,
  recordBytes,
  recordChain,
  recordFirstByte,
  recordHeadBytes,
  type SegmentHead,
  segmentHeadFixedBytes,
  segmentHeadLength,
  trailer,
  type WalMetadata,
} from './format.ts';
import { damaged, type Stop } from './tail.ts';
import type { FileWindow } from './window.ts';

/** What must come next. */
export interface Expected {
  readonly position: number;
  readonly record: number;
  readonly chain: number;
}

/** A record that is as it was written. */
export interface ReadRecord extends RecordHead {
  readonly body: Buffer;
  /** Where the next begins. */
  readonly end: number;
}

/** A stop at a record that is as it was written but for its trailer. */
export interface Unended extends Stop {
  readonly record: ReadRecord;
}

/** Reads the head of a segment; `position` is where its records begin. Errors: Corrupt; Storage when it is another log's. */
export async function readSegmentHead(
  window: FileWindow,
  segment: number,
  metadata: WalMetadata,
): Promise<SegmentHead & Expected> {
  const { name, size } = window;
  const bytes = await headBytes(window);
  const head = parsed(name, 0, () => decodeSegmentHead(bytes));
  for (const what of ['clusterId', 'memberId'] as const)
    if (head[what] !== metadata[what])
      throw new BarnError(
        'Corrupt',
        `the log segment ${name} belongs to member ${head.memberId.toString(16)} of cluster ${head.clusterId.toString(16)}, not to member ${metadata.memberId.toString(16)} of cluster ${metadata.clusterId.toString(16)}: give each member the data directory it had`,
      );
  if (head.segment !== segment) throw damaged(name, 0, `it is segment ${head.segment} under another's name`);
  if (head.filledBytes > size) throw damaged(name, size, `it was made ${head.filledBytes} bytes long and has ${size}`);
  return { ...head, position: aligned(bytes.length), record: head.firstRecord };
}

/** Reads the record that must come next, or says where and why there is none. Errors: Storage for a format of the future. */
export async function readRecord(
  window: FileWindow,
  salt: Uint8Array,
  expected: Expected,
  recordBytesMax: number,
): Promise<ReadRecord | Stop | Unended> {
  const { position } = expected;
  const headBytesRead = await window.read(position, recordHeadBytes);
  const stop = (why: string, bodyBytes?: number): Stop => ({ position, salt, bodyBytes, why });
  const head = parsed(window.name, position, () => decodeRecordHead(headBytesRead, salt));
  if (head === undefined) {
    if (await lostOnlyItsFirstByte(window, salt, expected))
      throw damaged(window.name, position, `record ${expected.record} is whole but for its first byte`);
    return stop(`record ${expected.record} has no readable head`);
  }
  if (head.record !== expected.record || head.chainBefore !== expected.chain)
    throw damaged(
      window.name,
      position,
      `record ${head.record} is where record ${expected.record} belongs, or does not go on from the one before`,
    );
  const end = position + recordBytes(head.bodyBytes);
  if (end > position + recordBytesMax) throw damaged(window.name, position, `record ${head.record} is too long`);
  // A file may end in the trailer or in the zeros after it, as a block of zeros may begin there: the body is what counts.
  if (position + recordHeadBytes + head.bodyBytes > window.size)
    return stop(`record ${head.record} goes beyond the end of the file`, head.bodyBytes);
  const bytes = await window.read(position, end - position);
  const body = bytes.subarray(recordHeadBytes, recordHeadBytes + head.bodyBytes);
  if (recordChain(bytes.subarray(0, recordHeadBytes), [body], expected.chain) !== head.chain)
    return stop(`the checksum of record ${head.record} does not match`, head.bodyBytes);
  const record = { ...head, body, end };
  const trailerAt = recordHeadBytes + body.length;
  if (!trailer.equals(bytes.subarray(trailerAt, trailerAt + trailer.length)))
    return { ...stop(`the end of record ${head.record} is not as written`, head.bodyBytes), record };
  return record;
}

/** Whether all but a first byte of zero is as written: neither a torn write nor the repair of one leaves that. */
async function lostOnlyItsFirstByte(window: FileWindow, salt: Uint8Array, expected: Expected): Promise<boolean> {
  const { position, record, chain } = expected;
  const start = Buffer.from(await window.read(position, recordHeadBytes));
  if (start[0] !== 0) return false;
  start[0] = recordFirstByte;
  const head = parsed(window.name, position, () => decodeRecordHead(start, salt));
  if (head === undefined || head.record !== record || head.chainBefore !== chain) return false;
  const rest = await window.read(position + recordHeadBytes, head.bodyBytes + trailer.length);
  const body = rest.subarray(0, head.bodyBytes);
  return trailer.equals(rest.subarray(head.bodyBytes)) && recordChain(start, [body], chain) === head.chain;
}

/** What `work` reads there. Errors: Corrupt, or Storage when another version of this program wrote it. */
export function parsed<T>(name: string, position: number, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    if (!error.unknownFormat) throw damaged(name, position, error.message, error);
    throw new BarnError(
      'Storage',
      `the log segment ${name} cannot be read at byte ${position}: ${error.message}; start the version that wrote it`,
      { cause: error },
    );
  }
}

async function headBytes(window: FileWindow): Promise<Buffer> {
  const fixed = await window.read(0, segmentHeadFixedBytes);
  const length = parsed(window.name, 0, () => segmentHeadLength(fixed));
  return window.read(0, length);
}
