// managedFields as a list of entries: reading, naming, ordering, and the bound on how many updates it remembers.
import { arrayOf, isRecord, textOf } from '../json.ts';
import { type FieldSet, isEmptySet, leaf, sameSet, sorted, union } from './field-set.ts';
import { parseFieldSet } from './path-element.ts';

/** Which fields one manager owns, by which operation. */
export interface Entry {
  readonly manager: string;
  readonly operation: 'Apply' | 'Update';
  readonly apiVersion: string;
  readonly subresource: string;
  /** RFC 3339; absent when the manager took fields without changing anything. */
  readonly time: string | undefined;
  readonly fields: FieldSet;
  /** As it is stored, while it is the same. */
  readonly shown?: Readonly<Record<string, unknown>>;
}

/** Who owns by an update, an apply: an applier is the same in all versions. */
export type Owner = Pick<Entry, 'manager' | 'operation' | 'apiVersion' | 'subresource'>;

/** More entries by updates than this: the oldest become one. */
const updatesMax = 10;
const ancientManager = 'ancient-changes';

/** Two entries of one owner are one entry. */
export function ownerKey({ manager, operation, apiVersion, subresource }: Owner): string {
  return JSON.stringify([manager, operation, operation === 'Apply' ? '' : apiVersion, subresource]);
}

/** An entry with other fields, or the same one when they are the same. */
export function withFields(entry: Entry, fields: FieldSet): Entry {
  if (fields === entry.fields) return entry;
  const { shown: _shown, ...rest } = entry;
  return { ...rest, fields };
}

/** Entries as they were stored. */
export function storedEntries(raw: unknown): Entry[] {
  return arrayOf(raw).flatMap((item) => {
    if (!isRecord(item) || !isStoredSet(item.fieldsV1)) return [];
    const entry = entryOf(item, item.fieldsV1);
    return entry === undefined ? [] : [{ ...entry, shown: item }];
  });
}

/** Entries as a client sent them; undefined when they are none, or not all are. */
export function givenEntries(raw: unknown): Entry[] | undefined {
  if (!Array.isArray(raw)) return undefined;
  const entries = new Map<string, Entry>();
  for (const item of raw) {
    if (!isRecord(item) || item.fieldsType !== 'FieldsV1') return undefined;
    const fields = parseFieldSet(item.fieldsV1 ?? {});
    const entry = typeof fields === 'string' ? undefined : entryOf(item, fields);
    if (entry === undefined) return undefined;
    entries.set(ownerKey(entry), entry);
  }
  return [...entries.values()];
}

/** Whether a client asks to forget who owns what: no entry, or one that says nothing. */
export function isReset(raw: unknown): boolean {
  if (!Array.isArray(raw) || raw.length > 1) return false;
  const only: unknown = raw[0];
  return only === undefined || (isRecord(only) && Object.keys(only).length === 0);
}

/** The entries as the API shows them, without those that own nothing; undefined when none is left. */
export function shownEntries(entries: readonly Entry[]): Readonly<Record<string, unknown>>[] | undefined {
  const owning = entries.filter(({ fields }) => !isEmptySet(fields));
  if (owning.length > 1) owning.sort(byOrder);
  return owning.length === 0 ? undefined : owning.map((entry) => entry.shown ?? shownEntry(entry));
}

/** Whether two lists of entries, as stored, say the same of the same owners, and differ at most in when. */
export function onlyTimesDiffer(a: unknown, b: unknown): boolean {
  if (a === b || !Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
  const theirs = new Map(storedEntries(b).map((entry) => [ownerKey(entry), entry.fields]));
  return storedEntries(a).every((entry) => sameSet(entry.fields, theirs.get(ownerKey(entry)) ?? leaf));
}

/** No more than so many entries by updates: the oldest of a version are merged, and named for being old. */
export function capped(entries: readonly Entry[]): readonly Entry[] {
  const updates = entries.filter(({ operation }) => operation === 'Update');
  let tooMany = updates.length - updatesMax;
  if (tooMany <= 0) return entries;
  const kept = new Map(entries.map((entry) => [ownerKey(entry), entry]));
  const firstOf = new Map<string, Entry>();
  for (const entry of updates.sort((a, b) => secondsOf(a) - secondsOf(b) || compareTexts(ownerKey(a), ownerKey(b)))) {
    if (tooMany <= 0) break;
    const first = firstOf.get(entry.apiVersion);
    if (first === undefined) {
      firstOf.set(entry.apiVersion, entry);
      continue;
    }
    const owner = {
      manager: ancientManager,
      operation: 'Update',
      apiVersion: entry.apiVersion,
      subresource: '',
    } as const;
    const key = ownerKey(owner);
    // The first of a version becomes the bucket unless there is one, which may be the second itself.
    const bucket = kept.get(key);
    const others = bucket === undefined || ownerKey(entry) === key ? first : bucket;
    if (others === first) kept.delete(ownerKey(first));
    kept.delete(ownerKey(entry));
    // The time of the later one, so that the oldest go first the next time too.
    kept.set(key, { ...owner, time: entry.time, fields: union(others.fields, entry.fields) });
    tooMany--;
  }
  return [...kept.values()];
}

function entryOf(item: Record<string, unknown>, fields: FieldSet): Entry | undefined {
  const { operation } = item;
  const apiVersion = textOf(item.apiVersion) ?? '';
  if ((operation !== 'Apply' && operation !== 'Update') || apiVersion === '') return undefined;
  return {
    manager: textOf(item.manager) ?? '',
    operation,
    apiVersion,
    subresource: textOf(item.subresource) ?? '',
    time: textOf(item.time),
    fields,
  };
}

// What was stored came from a set of ours.
function isStoredSet(raw: unknown): raw is FieldSet {
  return isRecord(raw);
}

function shownEntry({ manager, operation, apiVersion, subresource, time, fields }: Entry): Record<string, unknown> {
  return {
    apiVersion,
    fieldsType: 'FieldsV1',
    fieldsV1: sorted(fields),
    manager,
    operation,
    ...(subresource === '' ? {} : { subresource }),
    ...(time === undefined ? {} : { time }),
  };
}

function byOrder(a: Entry, b: Entry): number {
  return (
    compareTexts(a.operation, b.operation) ||
    secondsOf(a) - secondsOf(b) ||
    compareTexts(a.manager, b.manager) ||
    compareTexts(a.apiVersion, b.apiVersion) ||
    compareTexts(a.subresource, b.subresource)
  );
}

function secondsOf({ time }: Entry): number {
  const ms = time === undefined ? 0 : Date.parse(time);
  return Number.isNaN(ms) ? 0 : Math.floor(ms / 1000);
}

function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
