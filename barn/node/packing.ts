// Many small byte strings in one buffer, so that a message crosses with one allocation and is handed over, not copied again.
import { assert } from '../../base/index.ts';
import type { Entry, EntryType } from '../raft/protocol.ts';

const types: readonly EntryType[] = ['EntryNormal', 'EntryConfChange', 'EntryConfChangeV2'];
const entryHeaderBytes = 11;
const lengthBytes = 4;

/** Per entry: length u32, type u8, term u48, data. The entries follow one another. */
export function packEntries(entries: readonly Entry[]): Uint8Array<ArrayBuffer> {
  let size = 0;
  for (const { data } of entries) size += entryHeaderBytes + data.byteLength;
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const { data, type, term } of entries) {
    view.setUint32(at, data.byteLength);
    view.setUint8(at + 4, types.indexOf(type));
    view.setUint16(at + 5, term / 2 ** 32);
    view.setUint32(at + 7, term % 2 ** 32);
    at += entryHeaderBytes;
    bytes.set(data, at);
    at += data.byteLength;
  }
  return bytes;
}

/** What packEntries was given, the first at `first`; the data are views of `bytes`. */
export function unpackEntries(bytes: Uint8Array<ArrayBuffer>, first: number, count: number): Entry[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const entries: Entry[] = [];
  let at = 0;
  for (let index = first; index < first + count; index++) {
    const length = view.getUint32(at);
    const type = types[view.getUint8(at + 4)];
    assert(type !== undefined, 'an entry has a type');
    const term = view.getUint16(at + 5) * 2 ** 32 + view.getUint32(at + 7);
    at += entryHeaderBytes;
    entries.push({ term, index, type, data: bytes.subarray(at, at + length) });
    at += length;
  }
  return entries;
}

/** Per part: length u32, then its bytes. */
export function packParts(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  let size = 0;
  for (const part of parts) size += lengthBytes + part.byteLength;
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const part of parts) {
    view.setUint32(at, part.byteLength);
    bytes.set(part, at + lengthBytes);
    at += lengthBytes + part.byteLength;
  }
  return bytes;
}

/** What packParts was given, as views of `bytes`. */
export function unpackParts(bytes: Uint8Array<ArrayBuffer>, count: number): Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const parts: Uint8Array[] = [];
  let at = 0;
  for (let index = 0; index < count; index++) {
    const length = view.getUint32(at);
    parts.push(bytes.subarray(at + lengthBytes, at + lengthBytes + length));
    at += lengthBytes + length;
  }
  return parts;
}
