// etcd's KV service by field number (https://etcd.io/docs/v3.4/dev-guide/api_reference_v3/, rpc.proto and kv.proto).
// What etcd and the door have alike has the door's shape, but keys and revisions are etcd's here; key-space.ts translates.
import { unreachable } from '../../base/index.ts';
import type { Compare, KeyValue, RangeResult } from '../barn.ts';
import { type BinaryReader, MessageWriter, readMessage, readText, readWhole } from './wire.ts';

/** mvccpb.KeyValue. */
export type EtcdKeyValue = KeyValue;

/** RangeRequest; `end` absent asks for one key. */
export interface EtcdRange {
  readonly key: string;
  readonly end?: string | undefined;
  readonly limit?: number;
  readonly revision?: number;
  readonly serializable?: boolean;
  readonly keysOnly?: boolean;
  readonly countOnly?: boolean;
}

/** RangeResponse. */
export type EtcdRangeResult = RangeResult;

/** One of the requests in a transaction; puts and deletions answer with what was there before. */
export type EtcdOperation =
  | { readonly do: 'range'; readonly range: EtcdRange }
  | { readonly do: 'put'; readonly key: string; readonly value: Uint8Array }
  | { readonly do: 'delete'; readonly key: string };

/** Compare. */
export type EtcdCompare = Compare;

/** TxnResponse: one response an operation; the items of a put's or deletion's are what was there before. */
export interface EtcdTxnResult {
  readonly revision: number;
  readonly succeeded: boolean;
  readonly responses: readonly EtcdRangeResult[];
}

const comparisons = { '=': 0, '>': 1, '<': 2, '!=': 3 } as const;
/** CompareTarget, and the field of Compare that holds the right side. */
const targets = { version: [0, 4], create: [1, 5], mod: [2, 6] } as const;
const valueTarget = 3;
const valueField = 7;

/** RangeRequest. */
export function encodeRange(range: EtcdRange): Buffer {
  const writer = new MessageWriter();
  writeRange(writer, range);
  return writer.finish();
}

/** TxnRequest; it holds its own copy of all values. */
export function encodeTxn(
  compares: readonly EtcdCompare[],
  success: readonly EtcdOperation[],
  failure: readonly EtcdOperation[],
): Buffer {
  const writer = new MessageWriter();
  for (const compare of compares) writer.message(1, (inner) => writeCompare(inner, compare));
  for (const operation of success) writer.message(2, (inner) => writeOperation(inner, operation));
  for (const operation of failure) writer.message(3, (inner) => writeOperation(inner, operation));
  return writer.finish();
}

/** CompactionRequest. */
export function encodeCompaction(revision: number): Buffer {
  return new MessageWriter().whole(1, revision).finish();
}

/** RangeResponse; values share memory with `bytes`. */
export function decodeRange(bytes: Uint8Array): EtcdRangeResult {
  let revision = 0;
  let more = false;
  let count = 0;
  const items: EtcdKeyValue[] = [];
  readMessage(bytes, (field, reader) => {
    if (field === 1) revision = decodeHeader(reader.bytes()).revision;
    else if (field === 2) items.push(decodeKeyValue(reader.bytes()));
    else if (field === 3) more = reader.bool();
    else if (field === 4) count = readWhole(reader);
    else return false;
    return true;
  });
  return { revision, items, more, count };
}

/** TxnResponse; values share memory with `bytes`. */
export function decodeTxn(bytes: Uint8Array): EtcdTxnResult {
  let revision = 0;
  let succeeded = false;
  const responses: EtcdRangeResult[] = [];
  readMessage(bytes, (field, reader) => {
    if (field === 1) revision = decodeHeader(reader.bytes()).revision;
    else if (field === 2) succeeded = reader.bool();
    else if (field === 3) responses.push(decodeResponse(reader.bytes()));
    else return false;
    return true;
  });
  return { revision, succeeded, responses };
}

/** ResponseHeader. */
export function decodeHeader(bytes: Uint8Array): { readonly member: bigint; readonly revision: number } {
  let member = 0n;
  let revision = 0;
  readMessage(bytes, (field, reader) => {
    if (field === 2) member = BigInt(reader.uint64());
    else if (field === 3) revision = readWhole(reader);
    else return false;
    return true;
  });
  return { member, revision };
}

/** mvccpb.KeyValue; its value shares memory with `bytes`. */
export function decodeKeyValue(bytes: Uint8Array): EtcdKeyValue {
  let key = '';
  let value = noBytes;
  let createRevision = 0;
  let modRevision = 0;
  let version = 0;
  readMessage(bytes, (field, reader) => {
    if (field === 1) key = readText(reader);
    else if (field === 2) createRevision = readWhole(reader);
    else if (field === 3) modRevision = readWhole(reader);
    else if (field === 4) version = readWhole(reader);
    else if (field === 5) value = plainBytes(reader);
    else return false;
    return true;
  });
  return { key, value, createRevision, modRevision, version };
}

const noBytes: Uint8Array = new Uint8Array(0);

/** A Uint8Array that is no Buffer, so that all twins hand out the same kind. */
function plainBytes(reader: BinaryReader): Uint8Array {
  const bytes = reader.bytes();
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** ResponseOp: of a put and a deletion only what was there before. */
function decodeResponse(bytes: Uint8Array): EtcdRangeResult {
  let result: EtcdRangeResult = { revision: 0, items: [], more: false, count: 0 };
  readMessage(bytes, (field, reader) => {
    if (field === 1) result = decodeRange(reader.bytes());
    else if (field === 2) result = { ...result, items: decodePrevious(reader.bytes(), 2) };
    else if (field === 3) result = { ...result, items: decodePrevious(reader.bytes(), 3) };
    else return false;
    return true;
  });
  return result;
}

function decodePrevious(bytes: Uint8Array, previousField: number): readonly EtcdKeyValue[] {
  const items: EtcdKeyValue[] = [];
  readMessage(bytes, (field, reader) => {
    if (field !== previousField) return false;
    items.push(decodeKeyValue(reader.bytes()));
    return true;
  });
  return items;
}

function writeRange(writer: MessageWriter, range: EtcdRange): void {
  writer
    .text(1, range.key)
    .text(2, range.end ?? '')
    .whole(3, range.limit ?? 0)
    .whole(4, range.revision ?? 0)
    .flag(7, range.serializable)
    .flag(8, range.keysOnly)
    .flag(9, range.countOnly);
}

function writeCompare(writer: MessageWriter, compare: EtcdCompare): void {
  writer.whole(1, comparisons[compare.op]);
  if (compare.target === 'value') {
    writer.whole(2, valueTarget).text(3, compare.key).bytes(valueField, compare.value);
    return;
  }
  const [target, field] = targets[compare.target];
  writer.whole(2, target).text(3, compare.key).whole(field, compare.number);
}

function writeOperation(writer: MessageWriter, operation: EtcdOperation): void {
  switch (operation.do) {
    case 'range':
      writer.message(1, (inner) => writeRange(inner, operation.range));
      break;
    case 'put':
      writer.message(2, (inner) => inner.text(1, operation.key).bytes(2, operation.value).flag(4, true));
      break;
    case 'delete':
      writer.message(3, (inner) => inner.text(1, operation.key).flag(3, true));
      break;
    default:
      unreachable(operation);
  }
}
