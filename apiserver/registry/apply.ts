// PATCH application/apply-patch+yaml: what its sender wants of the object, which is made when it is not there.
import { ApiError, apiVersionOf, isApiError, resourceOf, type Unstructured } from '../../apis/index.ts';
import { type JsonRecord, recordOf, textOf } from '../json.ts';
import { type Applied, applyBesideAnnotation, configurationProblem, conflictError, merge } from '../managed/index.ts';
import { rootSchema } from '../schema/admit.ts';
import { storedKind } from '../storage/keys.ts';
import { create } from './create.ts';
import { isTracked, withManagedFields, writerOf } from './owners.ts';
import { checkName, herdUidOf, type Registry, type Target, type WriteOptions } from './registry.ts';
import { strategyOf } from './strategy.ts';
import { change, type Wanted } from './update.ts';

/** How an apply is done. */
export interface ApplyOptions extends WriteOptions {
  readonly manager: string;
  /** Take the fields that others own. */
  readonly force: boolean;
  /** Rejects when the sender may not create such an object. */
  readonly mayCreate: () => Promise<void>;
}

/** Applies a configuration. Errors: as of update and create, BadRequest, Conflict (others own what it would change). */
export async function apply(
  registry: Registry,
  target: Target,
  given: JsonRecord,
  options: ApplyOptions,
): Promise<{ readonly object: Unstructured; readonly isNew: boolean }> {
  checkConfiguration(target, given);
  const configuration = strategyOf(storedKind(target.info)).onApply?.(given) ?? given;
  for (let attempt = 0; ; attempt++) {
    try {
      const make = (current: Unstructured, stored: Unstructured) =>
        applied(registry, target, withManagedFields(current, stored.metadata.managedFields), configuration, options);
      return { object: await change(registry, target, make, options), isNew: false };
    } catch (error) {
      if (!(await isMissing(registry, target, error))) throw error;
    }
    try {
      return { object: await createApplied(registry, target, configuration, options), isNew: true };
    } catch (error) {
      // Somebody else made it in between.
      if (!isApiError(error, 'AlreadyExists') || attempt >= registry.limits.conflictRetriesMax) throw error;
    }
  }
}

async function createApplied(
  registry: Registry,
  target: Target,
  configuration: JsonRecord,
  options: ApplyOptions,
): Promise<Unstructured> {
  await options.mayCreate();
  const metadata = recordOf(configuration.metadata);
  const uid = textOf(metadata.uid) ?? '';
  if (uid !== '') throw uidMismatch(target, uid);
  const { object, owners } = applied(registry, target, undefined, configuration, options);
  const named = { ...object, metadata: { ...recordOf(object.metadata), name: target.name } };
  return create(registry, target, named, { ...options, ...(owners === undefined ? {} : { owners }) });
}

function applied(
  registry: Registry,
  target: Target,
  live: Unstructured | undefined,
  configuration: JsonRecord,
  options: ApplyOptions,
): Wanted {
  const schema = rootSchema(target.info);
  if (!isTracked(target)) return { object: recordOf(merge(schema, live ?? {}, configuration)) };
  const result: Applied = applyBesideAnnotation({
    schema,
    live,
    configuration,
    writer: writerOf(registry, target, options),
    force: options.force,
  });
  if (result.kind === 'conflict') throw conflictError(result.conflicts);
  return { object: result.object, owners: { managedFields: result.managedFields } };
}

function checkConfiguration(target: Target, configuration: JsonRecord): void {
  const { info } = target;
  const { apiVersion, kind } = configuration;
  if (apiVersion !== apiVersionOf(info) || kind !== info.kind) {
    const given = textOf(apiVersion) ?? '';
    const groupVersion = given.includes('/') ? given : `/${given}`;
    throw new ApiError('BadRequest', `invalid object type: ${groupVersion}, Kind=${textOf(kind) ?? ''}`);
  }
  const metadata = recordOf(configuration.metadata);
  if (metadata.managedFields !== undefined && metadata.managedFields !== null) {
    throw new ApiError('BadRequest', 'metadata.managedFields must be nil');
  }
  const problem = configurationProblem(rootSchema(info), configuration);
  if (problem !== undefined) throw new ApiError('Unknown', `failed to create typed patch object: ${problem}`);
  const name = textOf(metadata.name) ?? target.name ?? '';
  checkName(target, name);
  const namespace = textOf(metadata.namespace) ?? '';
  if (namespace !== '' && namespace !== (target.namespace ?? '')) {
    throw new ApiError(
      'BadRequest',
      'the namespace of the provided object does not match the namespace sent on the request',
    );
  }
}

// Not found is also said of a herd that is not there, and of a subresource of nothing.
async function isMissing(registry: Registry, target: Target, error: unknown): Promise<boolean> {
  if (!isApiError(error, 'NotFound') || target.subresource !== undefined) return false;
  return (await herdUidOf(registry, target)) !== null;
}

function uidMismatch(target: Target, uid: string): ApiError {
  const { info, name = '' } = target;
  return new ApiError(
    'Conflict',
    `Operation cannot be fulfilled on ${resourceOf(info)} "${name}": uid mismatch: the provided object specified uid ${uid}, and no existing object was found`,
    { name, ...(info.group === '' ? {} : { group: info.group }), kind: info.plural },
  );
}
