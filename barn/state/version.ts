import { assert } from '../../base/index.ts';
import type { BarnEvent, Key, KeyValue, Revision, TxnResult } from '../barn.ts';

/** A version of a key whose value has left memory: it is on disk, where revision and index say. */
export interface AbsentVersion {
  readonly key: Key;
  readonly value: undefined;
  readonly createRevision: Revision;
  readonly modRevision: Revision;
  readonly version: number;
  readonly valueBytes: number;
  /** Its place among the events of its revision. */
  readonly index: number;
}

/** A version of a key as a state holds it. Nobody changes one: whoever was given it has it whole, also when its value leaves. */
export type Version = KeyValue | AbsentVersion;

/** A change of a key as a state holds it. */
export interface StoredEvent {
  readonly type: BarnEvent['type'];
  readonly kv: Version;
  readonly prev?: Version;
}

/** One as a transaction makes it. */
export interface NewEvent extends StoredEvent {
  readonly kv: KeyValue;
}

/** What a transaction found, whose values may be on disk. */
export interface FoundTxn extends Omit<TxnResult, 'results'> {
  readonly results: readonly (Version | undefined)[];
}

/** Reads values that have left memory. A read begins with the call: what is dropped after it is still read. */
export interface ValueReader {
  /** The same versions with their values, read at once. Errors: Storage, Corrupt; the store ends then. */
  fill(versions: readonly Version[]): Promise<readonly KeyValue[]>;
  /** While everybody waits: only for what cannot. Errors: Storage, Corrupt. */
  fillNow(version: AbsentVersion): KeyValue;
}

/** Of a state that keeps everything. */
export const nothingAbsent: ValueReader = {
  fill: async (versions) => versions.map(whole),
  fillNow: (version) => whole(version),
};

/** What is left of a version in memory when its value leaves. */
export function absentOf({ key, value, createRevision, modRevision, version }: KeyValue, index: number): AbsentVersion {
  return { key, value: undefined, createRevision, modRevision, version, valueBytes: value.byteLength, index };
}

/** A version with its value. */
export function withValue({ key, createRevision, modRevision, version }: Version, value: Uint8Array): KeyValue {
  return { key, value, createRevision, modRevision, version };
}

/** A version that is known to be in memory. */
export function whole(version: Version): KeyValue {
  assert(isHere(version), 'a value is read before it is used');
  return version;
}

/** Whether the value is in memory. */
export function isHere(version: Version): version is KeyValue {
  return version.value !== undefined;
}

/** Whether all values of these versions are in memory. */
export function areHere(versions: readonly Version[]): versions is readonly KeyValue[] {
  return versions.every(isHere);
}

/** Whether all values of these events are in memory. */
export function eventsAreHere(events: readonly StoredEvent[]): events is readonly BarnEvent[] {
  for (const { kv, prev } of events) if (!isHere(kv) || (prev !== undefined && !isHere(prev))) return false;
  return true;
}

/** Whether all that a transaction found is in memory: nearly always. */
export function isWholeTxn(found: FoundTxn): found is TxnResult {
  for (const version of found.results) if (version !== undefined && !isHere(version)) return false;
  return true;
}

/** What a transaction found, with its values. Errors: as `ValueReader.fill`. */
export async function filledTxn(found: FoundTxn, reader: ValueReader): Promise<TxnResult> {
  const filled = await reader.fill(found.results.filter((version) => version !== undefined));
  const values = filled.values();
  const results = found.results.map((version) => (version === undefined ? undefined : values.next().value));
  return { ...found, results };
}

/** The bytes of a version's value, wherever it is. */
export function valueBytesOf(version: Version): number {
  return version.value === undefined ? version.valueBytes : version.value.byteLength;
}
