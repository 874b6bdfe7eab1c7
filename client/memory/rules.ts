// What a write does to an object: pure functions from what is stored and what was asked to what is stored next.
import { ApiError, type ApiObject, apiVersionOf, type KindInfo, resourceOf } from '../../apis/index.ts';
import type { DeleteOptions } from '../client.ts';
import { isObject, sameJson } from '../json.ts';
import { invalid, invalidObject } from './validate.ts';

/** In spec.finalizers of every herd, as in a Namespace; the herd controller takes it away when the herd is empty. */
const herdFinalizer = 'kubernetes';
const startStatus: Readonly<Record<string, unknown>> = {
  Herd: { phase: 'Active' },
  Run: { phase: 'Pending' },
  Slice: { phase: 'Pending' },
};

/** An object with fields that only its schema knows. */
export type Fields = ApiObject & Readonly<Record<string, unknown>>;

interface Stamp {
  readonly uid: string;
  /** RFC 3339, whole seconds. */
  readonly time: string;
}

/** A new object as it is stored first; its resourceVersion is still to come. */
export function created(kind: KindInfo, asked: Fields, stamp: Stamp): Fields {
  checkPlace(kind, undefined, asked);
  const { status, ...rest } = asked;
  const keepsStatus = status !== undefined && !kind.subresources.includes('status');
  const { resourceVersion: _, generateName, ...metadata } = asked.metadata;
  return {
    ...rest,
    apiVersion: apiVersionOf(kind),
    kind: kind.kind,
    metadata: {
      ...metadata,
      ...(generateName !== undefined && { generateName }),
      uid: stamp.uid,
      creationTimestamp: stamp.time,
      generation: 1,
    },
    ...(kind.kind === 'Herd' && { spec: { ...record(asked['spec']), finalizers: [herdFinalizer] } }),
    ...(keepsStatus && { status }),
    ...(kind.kind in startStatus && { status: startStatus[kind.kind] }),
  };
}

/** What an update makes of `stored`. The same value as `stored` when nothing changes. Errors: Invalid, Conflict. */
export function updated(kind: KindInfo, stored: Fields, asked: Fields): Fields {
  checkVersion(kind, stored, asked);
  checkImmutable(kind, stored, asked);
  checkPlace(kind, stored, asked);
  const hasStatus = kind.subresources.includes('status');
  const { apiVersion, kind: kindName, metadata: old, status } = stored;
  const { apiVersion: _a, kind: _k, metadata, status: askedStatus, ...rest } = asked;
  if (old.deletionTimestamp !== undefined) checkFinalizers(kind, stored, metadata.finalizers ?? []);
  else if (kind.kind === 'Herd' && !sameJson(record(asked['spec'])['finalizers'], [herdFinalizer]))
    throw invalidObject(kind, old.name ?? '', [
      {
        reason: 'FieldValueForbidden',
        field: 'spec.finalizers',
        message: 'Forbidden: can be removed only from a herd that is being deleted',
      },
    ]);
  const next: Fields = {
    apiVersion: apiVersion ?? '',
    kind: kindName ?? '',
    ...rest,
    metadata: {
      ...metadata,
      name: old.name ?? '',
      ...keep(old, ['namespace', 'uid', 'resourceVersion', 'generation', 'creationTimestamp', 'generateName']),
      ...keep(old, ['deletionTimestamp', 'deletionGracePeriodSeconds']),
    },
    ...((hasStatus ? status : askedStatus) !== undefined && { status: hasStatus ? status : askedStatus }),
  };
  if (sameJson(next, stored)) return stored;
  const hasNewSpec = !sameJson(desired(next), desired(stored));
  if (!hasNewSpec) return next;
  return { ...next, metadata: { ...next.metadata, generation: (old.generation ?? 0) + 1 } };
}

/** What a write of the status subresource makes of `stored`. Errors: Conflict. */
export function withStatus(kind: KindInfo, stored: Fields, asked: Fields): Fields {
  checkVersion(kind, stored, asked);
  const next: Fields = { ...stored, status: asked['status'] };
  return sameJson(next, stored) ? stored : next;
}

/** What a deletion makes of `stored`; undefined: it is gone at once. Errors: Conflict (preconditions). */
export function deleted(kind: KindInfo, stored: Fields, options: DeleteOptions, time: string): Fields | undefined {
  const { metadata } = stored;
  const { finalizers: _finalizers, ...kept } = metadata;
  const { uid, resourceVersion } = options.preconditions ?? {};
  if (uid !== undefined && uid !== metadata.uid)
    throw conflict(kind, stored, `the UID in the precondition (${uid}) is not its UID (${metadata.uid ?? ''})`);
  if (resourceVersion !== undefined && resourceVersion !== metadata.resourceVersion)
    throw conflict(kind, stored, `the ResourceVersion in the precondition (${resourceVersion}) is not its own`);
  const { propagationPolicy: policy } = options;
  const ofPolicies = ['foregroundDeletion', 'orphan'];
  const finalizers = new Set(
    (metadata.finalizers ?? []).filter((one) => policy === undefined || !ofPolicies.includes(one)),
  );
  if (policy === 'Foreground') finalizers.add('foregroundDeletion');
  if (policy === 'Orphan') finalizers.add('orphan');
  const next: Fields = {
    ...stored,
    metadata: {
      ...kept,
      deletionTimestamp: metadata.deletionTimestamp ?? time,
      ...(finalizers.size > 0 && { finalizers: [...finalizers] }),
    },
    ...(kind.kind === 'Herd' && { status: { ...record(stored['status']), phase: 'Terminating' } }),
  };
  if (isRemovable(kind, next)) return undefined;
  return sameJson(next, stored) ? stored : next;
}

/** Whether a stored object whose deletion was asked for is gone with this write. */
export function isRemovable(kind: KindInfo, object: Fields): boolean {
  if (object.metadata.deletionTimestamp === undefined || (object.metadata.finalizers ?? []).length > 0) return false;
  if (kind.kind === 'Herd') return sameJson(record(object['spec'])['finalizers'] ?? [], []);
  // A bound slice lives until its process is gone: the final status says so.
  return kind.kind !== 'Slice' || !isBound(object) || isTerminal(object);
}

/** `Operation cannot be fulfilled on …` */
export function conflict(kind: KindInfo, object: ApiObject, why: string): ApiError {
  const name = object.metadata.name ?? '';
  return new ApiError('Conflict', `Operation cannot be fulfilled on ${resourceOf(kind)} "${name}": ${why}`, {
    name,
    group: kind.group,
    kind: kind.plural,
  });
}

function isBound(slice: Fields): boolean {
  return isObject(slice['spec']) && slice['spec']['nodeName'] !== undefined;
}

function isTerminal(slice: Fields): boolean {
  const status = slice['status'];
  return isObject(status) && ['Succeeded', 'Failed', 'Lost'].includes(String(status['phase']));
}

function checkVersion(kind: KindInfo, stored: Fields, asked: Fields): void {
  const { resourceVersion, uid } = asked.metadata;
  if (resourceVersion !== undefined && resourceVersion !== stored.metadata.resourceVersion)
    throw conflict(
      kind,
      stored,
      'the object has been modified; please apply your changes to the latest version and try again',
    );
  if (uid !== undefined && uid !== stored.metadata.uid)
    throw conflict(
      kind,
      stored,
      `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${stored.metadata.uid ?? ''}`,
    );
}

function checkImmutable(kind: KindInfo, stored: Fields, asked: Fields): void {
  for (const field of kind.immutable) {
    const exempt = (kind.mutable ?? [])
      .filter((path) => path.startsWith(`${field}.`))
      .map((path) => path.split('.')[1]);
    const strip = (value: unknown): unknown =>
      isObject(value) ? Object.fromEntries(Object.entries(value).filter(([key]) => !exempt.includes(key))) : value;
    if (!sameJson(strip(stored[field]), strip(asked[field])))
      throw invalidObject(kind, stored.metadata.name ?? '', [invalid(field, asked[field], 'field is immutable')]);
  }
}

/** Where a slice runs is said by a binding alone. */
function checkPlace(kind: KindInfo, stored: Fields | undefined, asked: Fields): void {
  const place = record(asked['spec'])['nodeName'];
  if (kind.kind !== 'Slice' || place === record(stored?.['spec'])['nodeName']) return;
  throw invalidObject(kind, asked.metadata.name ?? '', [
    {
      reason: 'FieldValueForbidden',
      field: 'spec.nodeName',
      message: 'Forbidden: is set by a POST to the subresource binding',
    },
  ]);
}

function checkFinalizers(kind: KindInfo, stored: Fields, asked: readonly string[]): void {
  const added = asked.filter((one) => !(stored.metadata.finalizers ?? []).includes(one));
  if (added.length > 0)
    throw invalidObject(kind, stored.metadata.name ?? '', [
      {
        reason: 'FieldValueForbidden',
        field: 'metadata.finalizers',
        message: `Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers ${JSON.stringify(added)}`,
      },
    ]);
}

const record = (value: unknown): Readonly<Record<string, unknown>> => (isObject(value) ? value : {});

/** Everything that belongs to the user. */
function desired({ apiVersion: _a, kind: _k, metadata: _m, status: _s, ...rest }: Fields): unknown {
  return rest;
}

function keep(metadata: ApiObject['metadata'], names: readonly (keyof ApiObject['metadata'])[]): object {
  const kept: [string, unknown][] = [];
  for (const name of names) if (metadata[name] !== undefined) kept.push([name, metadata[name]]);
  return Object.fromEntries(kept);
}
