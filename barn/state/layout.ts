// What a state on disk consists of:
//   m/format                       the number of this layout, in decimal; another one is refused
//   m/head                         where the state stands (head.ts), and which of the two slots holds it
//   m/keys                         what anything in its files may be sealed with (key-marks.ts)
//   d<slot>/<revision><index>      one record an event, in hexadecimal: no name of a key is in the open
// Each batch holds the records of whole entries and the head that fits, so whatever a crash leaves is the state of some entry.
// A snapshot is written into the other slot; one write of the head then makes it the state.
import { BarnError, type Revision } from '../barn.ts';
import { keyOf, type Sealer } from '../seal.ts';
import { checkCommandFormat } from './command.ts';
import type { Disk, DiskWrite } from './disk.ts';
import { decodeChecked, encodeChecked, type Head, headFrom } from './head.ts';
import { encodeRecord, type VersionRecord } from './record.ts';

/** Two, so that a whole state can be written beside the one that is. */
export type Slot = 0 | 1;

/** A head as it is on disk. */
export interface StoredHead {
  readonly slot: Slot;
  readonly head: Head;
}

/** A head as it was read, and what it was sealed with. */
export interface ReadHead extends StoredHead {
  readonly key: string;
}

const layoutFormat = 2;
const formatKey = 'm/format';
const headKey = 'm/head';
const revisionDigits = 12;
const indexDigits = 4;

/** The prefix of a slot's records. */
export function slotPrefix(slot: Slot): string {
  return `d${slot}/`;
}

/** The other one. */
export function otherSlot(slot: Slot): Slot {
  return slot === 0 ? 1 : 0;
}

/** Where the record of an event is: in order of revisions, then of the events in one. */
export function recordKey(slot: Slot, revision: Revision, index: number): string {
  return `d${slot}/${revision.toString(16).padStart(revisionDigits, '0')}${index.toString(16).padStart(indexDigits, '0')}`;
}

/** Writes an event's record. */
export function recordWrite(slot: Slot, record: VersionRecord, sealer: Sealer): DiskWrite & { readonly type: 'put' } {
  const key = recordKey(slot, record.kv.modRevision, record.index);
  return { type: 'put', key, value: sealer.seal(encodeRecord(record), whereOf(key)) };
}

/** Writes the head. */
export function headWrite({ slot, head }: StoredHead, sealer: Sealer): DiskWrite {
  return { type: 'put', key: headKey, value: sealer.seal(encodeChecked({ slot, ...head }), whereOf(headKey)) };
}

/** Writes the number of this layout: with the first head. */
export function formatWrite(): DiskWrite {
  return { type: 'put', key: formatKey, value: Buffer.from(String(layoutFormat)) };
}

/** What sealed bytes and errors say of the place of a record. */
export function whereOf(key: string): string {
  return `state record ${key}`;
}

/** Reads the head; undefined when the disk is empty. Errors: Storage for another layout, Corrupt for what is damaged or foreign. */
export async function readHead(disk: Disk, sealer: Sealer): Promise<ReadHead | undefined> {
  const format = await disk.get(formatKey);
  if (format === undefined) return refuseForeign(disk);
  const number = Buffer.from(format).toString('latin1');
  if (number !== String(layoutFormat)) {
    throw new BarnError(
      'Storage',
      `the store has format ${number}, and this version of Runink reads format ${layoutFormat}: start the version that wrote it`,
    );
  }
  const bytes = await disk.get(headKey);
  if (bytes === undefined) throw damaged(`${headKey} is missing`);
  const where = whereOf(headKey);
  const parsed = decodeChecked(sealer.unseal(bytes, where), where);
  const head = headFrom(parsed, where);
  checkCommandFormat(head.format, 'the store');
  const slot = (parsed as { readonly slot?: unknown }).slot;
  if (slot !== 0 && slot !== 1) throw damaged(`${headKey} names no slot`);
  return { slot, head, key: keyOf(bytes) };
}

/** The error for a store that does not hold what it must. */
export function damaged(what: string): BarnError {
  return new BarnError('Corrupt', `the store is damaged: ${what}; let this member begin anew, or put a copy back`);
}

async function refuseForeign(disk: Disk): Promise<undefined> {
  for await (const [first] of disk.pages('')) {
    if (first === undefined) continue;
    throw new BarnError(
      'Corrupt',
      `the store has no format number, but holds ${first[0]}: is this the directory of another program? Name an empty one`,
    );
  }
  return undefined;
}
