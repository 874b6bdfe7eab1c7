import { ApiError, type KindInfo, resourceOf, type StatusCause, type Unstructured } from '../../apis/index.ts';
import type { Compare } from '../../barn/index.ts';
import { isRecord, jsonEqual, recordOf, textOf } from '../json.ts';
import type { ManagedFields } from '../managed/index.ts';
import { admit, checkKind } from '../schema/admit.ts';
import * as cause from '../schema/causes.ts';
import { invalidError } from '../schema/causes.ts';
import { storedKind } from '../storage/keys.ts';
import { type Stored, show, unshow, withVersion } from '../storage/object-store.ts';
import { fencedTxn } from './fence.ts';
import { reportFields } from './fields.ts';
import { immutableProblems } from './immutable.ts';
import { withManagedFields, withOwners, withoutNewTimes } from './owners.ts';
import { countedTxn, leaving } from './quota.ts';
import { checkName, type Registry, readTarget, type Target, type WriteOptions } from './registry.ts';
import { strategyOf } from './strategy.ts';

/** Replaces an object, or its status. Errors: BadRequest, Invalid, NotFound, Conflict. */
export async function update(
  registry: Registry,
  target: Target,
  body: unknown,
  options: WriteOptions,
): Promise<Unstructured> {
  const given = checkKind(target.info, body);
  const metadata = isRecord(given.metadata) ? given.metadata : {};
  const name = textOf(metadata.name) ?? '';
  checkName(target, name);
  const namespace = textOf(metadata.namespace) ?? '';
  if (namespace !== '' && namespace !== (target.namespace ?? '')) {
    throw new ApiError(
      'BadRequest',
      `the namespace of the object (${namespace}) does not match the namespace on the URL (${target.namespace ?? ''})`,
    );
  }
  const version = textOf(metadata.resourceVersion) ?? '';
  const make = () => {
    // Judged only of what is there: of what is not, that is said first.
    if (version === '' && needsVersion(target)) throw versionRequired(target);
    return { object: given };
  };
  return change(registry, target, make, options);
}

/** What an object shall be. */
export interface Wanted {
  readonly object: Record<string, unknown>;
  /** Who owns its fields, where it comes of an apply; absent: the writer has what it changes. */
  readonly owners?: { readonly managedFields: ManagedFields };
}

/**
 * Reads the object, lets `make` say what it shall be, and writes that if nobody wrote in between; tries again unless the
 * result names a version. `make` gets the object as the API shows it, and as it is stored.
 */
export async function change(
  registry: Registry,
  target: Target,
  make: (current: Unstructured, stored: Unstructured) => Wanted,
  options: WriteOptions,
): Promise<Unstructured> {
  for (let attempt = 0; ; attempt++) {
    const stored = await readTarget(registry, target);
    const before = registry.store.reveal(stored);
    const current = show(target.info, before);
    const wanted = make(current, before);
    const metadata = recordOf(wanted.object.metadata);
    const version = textOf(metadata.resourceVersion) ?? '';
    if (version !== '' && version !== String(stored.revision)) throw conflict(target);
    const uid = textOf(metadata.uid) ?? '';
    if (uid !== '' && uid !== current.metadata.uid) throw uidConflict(target, uid, current.metadata.uid ?? '');
    const next = prepare(registry, target, wanted, current, before, options);
    const done = await store(registry, target, stored, before, next, options);
    if (done !== undefined) return done;
    if (attempt >= registry.limits.conflictRetriesMax) throw conflict(target);
  }
}

/** The 409 for a write on a version that is no longer the stored one. */
export function conflict(target: Target): ApiError {
  return new ApiError(
    'Conflict',
    `Operation cannot be fulfilled on ${resourceOf(target.info)} "${target.name ?? ''}": the object has been modified; please apply your changes to the latest version and try again`,
    conflictDetails(target),
  );
}

function versionRequired(target: Target): ApiError {
  const { info, name = '' } = target;
  const problem = {
    reason: 'FieldValueInvalid',
    message: 'Invalid value: 0x0: must be specified for an update',
    field: 'metadata.resourceVersion',
  };
  return new ApiError('Invalid', `${resourceOf(info)} "${name}" is invalid: ${problem.field}: ${problem.message}`, {
    name,
    group: info.group,
    kind: info.plural,
    causes: [problem],
  });
}

function uidConflict(target: Target, uid: string, stored: string): ApiError {
  return new ApiError(
    'Conflict',
    `Operation cannot be fulfilled on ${resourceOf(target.info)} "${target.name ?? ''}": Precondition failed: UID in precondition: ${uid}, UID in object meta: ${stored}`,
    conflictDetails(target),
  );
}

function conflictDetails(target: Target) {
  return {
    name: target.name ?? '',
    ...(target.info.group === '' ? {} : { group: target.info.group }),
    kind: target.info.plural,
  };
}

// Kubernetes' older kinds may be replaced without naming a version.
function needsVersion(target: Target): boolean {
  return target.info.group !== '';
}

function prepare(
  registry: Registry,
  target: Target,
  wanted: Wanted,
  current: Unstructured,
  before: Unstructured,
  options: WriteOptions,
): Unstructured {
  const { info } = target;
  const admitted = admit(info, wanted.object, current, target.subresource);
  reportFields(info, admitted.unknownFields, options);
  const view =
    target.subresource === 'status'
      ? statusOnly(admitted.object, current)
      : allButStatus(target, admitted.object, current);
  const bare = unshow(info, view, before);
  const stored = storedKind(info);
  const strategy = strategyOf(stored);
  const completed = strategy.onUpdate?.(bare, before) ?? bare;
  const next = withGeneration(info, completed, before);
  const causes: StatusCause[] = [...admitted.causes];
  if (causes.length === 0) {
    causes.push(
      ...immutableProblems(stored, next, before),
      ...newFinalizers(next, before),
      ...newDeletion(wanted, before),
      ...(strategy.problems?.(next, before) ?? []),
    );
  }
  if (causes.length > 0) throw invalidError(info, current.metadata.name ?? '', causes);
  options.guard?.(next, before);
  if (wanted.owners !== undefined) return withManagedFields(next, wanted.owners.managedFields);
  return withOwners(registry, target, before, next, recordOf(wanted.object.metadata).managedFields, options);
}

function statusOnly(wanted: Unstructured, current: Unstructured): Unstructured {
  const { status: _old, ...kept } = current;
  return { ...kept, ...(wanted.status === undefined ? {} : { status: wanted.status }) };
}

function allButStatus(target: Target, wanted: Unstructured, current: Unstructured): Unstructured {
  const { status: given, ...fields } = wanted;
  const keepsOld = target.info.subresources.includes('status');
  const status = keepsOld ? current.status : given;
  const { uid, creationTimestamp, generation, deletionTimestamp, deletionGracePeriodSeconds, namespace } =
    current.metadata;
  const {
    generation: _generation,
    deletionTimestamp: _deleted,
    deletionGracePeriodSeconds: _grace,
    ...kept
  } = wanted.metadata;
  return {
    ...fields,
    ...(status === undefined ? {} : { status }),
    metadata: {
      ...kept,
      ...(namespace === undefined ? {} : { namespace }),
      ...(uid === undefined ? {} : { uid }),
      ...(creationTimestamp === undefined ? {} : { creationTimestamp }),
      ...(generation === undefined ? {} : { generation }),
      ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
      ...(deletionGracePeriodSeconds === undefined ? {} : { deletionGracePeriodSeconds }),
    },
  };
}

function withGeneration(info: KindInfo, next: Unstructured, before: Unstructured): Unstructured {
  const { generation } = before.metadata;
  if (generation === undefined) return next;
  const grows = !jsonEqual(desiredOf(info, next), desiredOf(info, before));
  return { ...next, metadata: { ...next.metadata, generation: grows ? generation + 1 : generation } };
}

// Written in another version, it says the same. A user's kind without the subresource status has no state but the wanted one.
function desiredOf({ definition, subresources }: KindInfo, object: Unstructured): Record<string, unknown> {
  const { metadata: _metadata, apiVersion: _apiVersion, status, ...desired } = object;
  return definition !== undefined && !subresources.includes('status') ? { ...desired, status } : desired;
}

// That an object goes is said by a delete.
function newDeletion(wanted: Wanted, before: Unstructured): StatusCause[] {
  if (before.metadata.deletionTimestamp !== undefined) return [];
  const { deletionTimestamp } = recordOf(wanted.object.metadata);
  if (deletionTimestamp === undefined || deletionTimestamp === null) return [];
  return [cause.invalid('metadata.deletionTimestamp', deletionTimestamp, 'field is immutable')];
}

function newFinalizers(next: Unstructured, before: Unstructured): StatusCause[] {
  if (before.metadata.deletionTimestamp === undefined) return [];
  const old = new Set(before.metadata.finalizers);
  const added = (next.metadata.finalizers ?? []).filter((name) => !old.has(name));
  if (added.length === 0) return [];
  const list = added.map((name) => `"${name}"`).join(', ');
  return [
    cause.forbidden(
      'metadata.finalizers',
      `no new finalizers can be added if the object is being deleted, found new finalizers []string{${list}}`,
    ),
  ];
}

// Undefined when somebody else wrote in between.
async function store(
  registry: Registry,
  target: Target,
  stored: Stored,
  before: Unstructured,
  next: Unstructured,
  options: WriteOptions,
): Promise<Unstructured | undefined> {
  const strategy = strategyOf(storedKind(target.info));
  const { resourceVersion: _version, ...metadata } = next.metadata;
  const written: Unstructured = { ...next, metadata };
  const settled = withoutNewTimes(written, before);
  const isSame = sameObject(settled, before);
  const clean = isSame ? settled : written;
  const goes =
    before.metadata.deletionTimestamp !== undefined &&
    (clean.metadata.finalizers ?? []).length === 0 &&
    (strategy.mayGo?.(clean) ?? true);
  if ((isSame && !goes) || options.dryRun) {
    return show(target.info, withVersion(clean, stored.revision));
  }
  const beside = strategy.beside?.({ herdUid: stored.herdUid, before, after: goes ? undefined : clean }) ?? [];
  const compares: Compare[] = [{ target: 'mod', key: stored.key, op: '=', number: stored.revision }];
  const result = goes
    ? await countedTxn(registry, leaving(target, stored), {
        fence: options.fence,
        compares,
        success: [{ do: 'delete', key: stored.key }, ...beside],
        failure: [],
      })
    : await fencedTxn(
        registry,
        options.fence,
        compares,
        [{ do: 'put', key: stored.key, value: registry.store.encode(clean, stored.key) }, ...beside],
        [],
        target.info,
      );
  return result.succeeded ? show(target.info, withVersion(clean, result.revision)) : undefined;
}

function sameObject(next: Unstructured, before: Unstructured): boolean {
  const { resourceVersion: _version, ...metadata } = before.metadata;
  return jsonEqual(next, { ...before, metadata });
}
