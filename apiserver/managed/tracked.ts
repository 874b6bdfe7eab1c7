// What of an object is owned at all: not what names it, and not what only the server sets.
import type { Unstructured } from '../../apis/index.ts';
import type { JsonRecord } from '../json.ts';
import { type FieldSet, type FieldTree, hasChildren, leaf, self } from './field-set.ts';

const untrackedMeta: ReadonlySet<string> = new Set([
  'name',
  'namespace',
  'creationTimestamp',
  'selfLink',
  'uid',
  'clusterName',
  'generation',
  'managedFields',
  'resourceVersion',
]);
const metadataElement = 'f:metadata';

/** The object without the fields that nobody owns. */
export function trackedPart(object: Unstructured | JsonRecord): JsonRecord {
  const { apiVersion: _apiVersion, kind: _kind, metadata, ...rest } = object;
  const kept: JsonRecord = {};
  for (const [key, value] of Object.entries(metadata ?? {})) if (!untrackedMeta.has(key)) kept[key] = value;
  return { ...rest, metadata: kept };
}

/** The set without `metadata` itself: all objects have it. */
export function withoutMetadataItself(set: FieldSet): FieldSet {
  const metadata = set[metadataElement];
  if (metadata === undefined || (hasChildren(metadata) && !Object.hasOwn(metadata, self))) return set;
  const { [metadataElement]: _metadata, ...rest } = set;
  if (!hasChildren(metadata)) return rest;
  const { [self]: _self, ...children } = metadata;
  return { ...rest, [metadataElement]: children };
}

/** The part of a set that a write of the object, or of one of its subresources, can change. */
export function writablePart(
  set: FieldSet,
  { subresource, hasStatus }: { readonly subresource: string; readonly hasStatus: boolean },
): FieldSet {
  const result: FieldTree = {};
  for (const element in set) {
    const isStatus = element === 'f:status';
    if (subresource === 'status' ? isStatus : !(isStatus && hasStatus)) result[element] = set[element] ?? leaf;
  }
  return result;
}
