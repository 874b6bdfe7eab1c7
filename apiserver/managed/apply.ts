// Server-side apply: what a manager says it wants is merged into what is live. It owns what it says; what it said before and
// leaves out goes unless somebody else owns it; what others own it changes only by force.
// https://kubernetes.io/docs/reference/using-api/server-side-apply/
import type { Schema, Unstructured } from '../../apis/index.ts';
import { isRecord, type JsonRecord, recordOf } from '../json.ts';
import { compare } from './compare.ts';
import { type Entry, ownerKey, shownEntries, storedEntries, withFields } from './entries.ts';
import { difference, type FieldSet, intersection, isEmptySet, leaf, union } from './field-set.ts';
import { merge } from './merge.ts';
import { appliedFields, withNamedFields } from './own.ts';
import { reconciled, without } from './remove.ts';
import { trackedPart, withoutMetadataItself, writablePart } from './tracked.ts';
import { type ManagedFields, ownerOf, untrackedEntry, type Writer } from './update.ts';

/** What is applied, by whom, to what. */
export interface Application {
  readonly schema: Schema;
  /** What is there; undefined when the object is to be made. */
  readonly live: Unstructured | undefined;
  readonly configuration: JsonRecord;
  readonly writer: Writer;
  /** Take what others own. */
  readonly force: boolean;
}

/** A field that the configuration would change and another manager owns. */
export interface ConflictingField {
  readonly owner: Entry;
  /** Those of the owner's fields that would change. */
  readonly fields: FieldSet;
}

/** What comes of it. */
export type Applied =
  | { readonly kind: 'applied'; readonly object: JsonRecord; readonly managedFields: ManagedFields }
  | { readonly kind: 'conflict'; readonly conflicts: readonly ConflictingField[] };

/** Applies a configuration. Nothing given is changed. */
export function applyConfiguration(application: Application): Applied {
  const { schema, live, configuration, writer, force } = application;
  const owner = ownerOf(writer, 'Apply');
  const key = ownerKey(owner);
  const entries = liveEntries(schema, live, writer);
  const earlier = entries.get(key);
  const writable = (set: FieldSet) => writablePart(set, writer);
  const fields = writable(appliedFields(schema, trackedPart(configuration)));
  entries.set(key, { ...owner, time: earlier?.time, fields });
  const merged = recordOf(merge(schema, live ?? {}, withoutNullMetadata(configuration)));
  const object = earlier === undefined ? merged : pruned(schema, merged, earlier.fields, fields, entries);
  const change = compare(schema, trackedPart(live ?? {}), trackedPart(object));
  if (change !== undefined) {
    const changed = writable(union(change.modified, change.added));
    const removed = writable(change.removed);
    const conflicts: ConflictingField[] = [];
    for (const [other, entry] of entries) {
      if (other === key) continue;
      const theirs = intersection(entry.fields, changed);
      if (!isEmptySet(theirs)) conflicts.push({ owner: entry, fields: theirs });
      entries.set(other, withFields(entry, difference(difference(entry.fields, theirs), removed)));
    }
    if (conflicts.length > 0 && !force) return { kind: 'conflict', conflicts };
  }
  // The time tells of the last change, not of the last word.
  const time = change === undefined ? earlier?.time : writer.time;
  entries.set(key, { ...owner, time, fields: withoutMetadataItself(fields) });
  return { kind: 'applied', object, managedFields: shownEntries([...entries.values()]) };
}

function liveEntries(schema: Schema, live: Unstructured | undefined, writer: Writer): Map<string, Entry> {
  const stored = storedEntries(live?.metadata.managedFields);
  const all = stored.length > 0 || live === undefined ? stored : [untrackedEntry(schema, live, writer)];
  return new Map(all.map((entry) => [ownerKey(entry), withFields(entry, reconciled(schema, entry.fields))]));
}

// What the applier owned before goes, then what anybody owns comes back, and with it what nobody owned but that stands
// below no field that goes.
function pruned(
  schema: Schema,
  merged: JsonRecord,
  last: FieldSet,
  fields: FieldSet,
  entries: ReadonlyMap<string, Entry>,
): JsonRecord {
  const left = difference(last, fields);
  if (isEmptySet(left)) return merged;
  const named = (set: FieldSet) => withNamedFields(schema, set);
  const before = named(last);
  let owned: FieldSet = leaf;
  for (const entry of entries.values()) owned = union(owned, entry.fields);
  const all = named(appliedFields(schema, merged));
  const bare = appliedFields(schema, without(schema, merged, before) ?? {});
  const kept = without(schema, merged, difference(all, union(named(bare), named(owned)))) ?? {};
  const gone = intersection(difference(all, named(appliedFields(schema, kept))), before);
  return recordOf(without(schema, merged, gone));
}

// A client's empty creationTimestamp and the like say nothing.
function withoutNullMetadata(configuration: JsonRecord): JsonRecord {
  if (!isRecord(configuration.metadata)) return configuration;
  const metadata: JsonRecord = {};
  for (const [key, value] of Object.entries(configuration.metadata)) if (value !== null) metadata[key] = value;
  return { ...configuration, metadata };
}
