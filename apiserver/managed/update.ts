// Who owns what after a write that was no apply: the writer has what it changed, and nobody has what went.
import type { Schema, Unstructured } from '../../apis/index.ts';
import { type Comparison, compare } from './compare.ts';
import {
  capped,
  type Entry,
  givenEntries,
  isReset,
  type Owner,
  ownerKey,
  shownEntries,
  storedEntries,
  withFields,
} from './entries.ts';
import { childrenOf, difference, isEmptySet, leaf, union } from './field-set.ts';
import { everyField } from './own.ts';
import { trackedPart, withoutMetadataItself, writablePart } from './tracked.ts';

/** Who writes, through what, and when. */
export interface Writer {
  readonly manager: string;
  readonly apiVersion: string;
  /** '' for the object itself. */
  readonly subresource: string;
  /** Whether the kind has a status that only its subresource writes: else it is owned like the rest. */
  readonly hasStatus: boolean;
  /** RFC 3339, whole seconds. */
  readonly time: string;
}

/** `metadata.managedFields`. */
export type ManagedFields = readonly Readonly<Record<string, unknown>>[] | undefined;

/**
 * The managedFields of `after`. `given` is what the client sent as such: it counts when it can be read, and emptied it makes
 * the object one that nobody tracks until it is applied. An object without them stays without.
 */
export function afterUpdate(
  schema: Schema,
  before: Unstructured | undefined,
  after: Unstructured,
  given: unknown,
  writer: Writer,
): ManagedFields {
  const stored: unknown = before?.metadata.managedFields;
  const entries = startingEntries(stored, given, writer.subresource);
  if (before !== undefined && entries.length === 0) return undefined;
  const change =
    before === undefined ? created(schema, after) : compare(schema, trackedPart(before), trackedPart(after));
  if (change === undefined) return shownEntries(entries);
  return shownEntries(capped(taken(entries, change, writer)));
}

/** Everything in an object that nobody tracked, owned by a manager of this name from now on. */
export const beforeFirstApply = 'before-first-apply';

/** The entry for what is in an object that nobody tracked before it was first applied. */
export function untrackedEntry(schema: Schema, object: Unstructured, writer: Writer): Entry {
  const fields = withoutMetadataItself(writablePart(created(schema, object).added, writer));
  return { ...ownerOf(writer, 'Update'), manager: beforeFirstApply, time: writer.time, fields };
}

/** Whom the fields that a writer gets belong to. */
export function ownerOf({ manager, apiVersion, subresource }: Writer, operation: Owner['operation']): Owner {
  return { manager, operation, apiVersion, subresource };
}

function startingEntries(stored: unknown, given: unknown, subresource: string): Entry[] {
  // A subresource cannot say who owns the object.
  if (given === undefined || given === stored || subresource !== '') return storedEntries(stored);
  if (isReset(given)) return [];
  const entries = givenEntries(given);
  // Clients that know nothing of them must not lose them.
  return entries === undefined || entries.length === 0 ? storedEntries(stored) : entries;
}

function created(schema: Schema, object: Unstructured): Comparison {
  return { added: childrenOf(everyField(schema, trackedPart(object))), modified: leaf, removed: leaf };
}

function taken(entries: readonly Entry[], { added, modified, removed }: Comparison, writer: Writer): Entry[] {
  const changed = union(modified, added);
  const result = new Map<string, Entry>();
  for (const entry of entries) {
    const fields = difference(difference(entry.fields, changed), removed);
    result.set(ownerKey(entry), withFields(entry, fields));
  }
  // What the server itself puts into the status of a new object is not the creator's.
  const own = withoutMetadataItself(writablePart(changed, writer));
  if (isEmptySet(own)) return [...result.values()];
  const owner = ownerOf(writer, 'Update');
  const key = ownerKey(owner);
  const earlier = result.get(key)?.fields ?? leaf;
  result.set(key, { ...owner, time: writer.time, fields: union(earlier, own) });
  return [...result.values()];
}
