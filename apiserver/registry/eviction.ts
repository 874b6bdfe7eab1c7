// POST pods/NAME/eviction: how kubectl drain asks a pod to leave. No budget of disruptions holds it, so it is a delete, with
// the options that stand in its body.
import { ApiError, type Status } from '../../apis/index.ts';
import { isRecord, textOf } from '../json.ts';
import { type DeleteOptions, remove } from './delete.ts';
import type { Registry, Target } from './registry.ts';

/** What an eviction is written as. */
export interface Eviction {
  /** As the body of a delete. */
  readonly deleteOptions: unknown;
}

/** Reads the body of an eviction of the target. Errors: BadRequest. */
export function readEviction(target: Target, body: unknown): Eviction {
  if (!isRecord(body) || body.kind !== 'Eviction' || !/^policy\/v1(beta1)?$/.test(textOf(body.apiVersion) ?? ''))
    throw new ApiError('BadRequest', 'the body must be an Eviction of policy/v1');
  const metadata = isRecord(body.metadata) ? body.metadata : {};
  if (textOf(metadata.name) !== target.name)
    throw new ApiError('BadRequest', 'name in URL does not match name in Eviction object');
  const namespace = textOf(metadata.namespace) ?? '';
  if (namespace !== '' && namespace !== target.namespace)
    throw new ApiError(
      'BadRequest',
      'the namespace of the provided object does not match the namespace sent on the request',
    );
  return { deleteOptions: body.deleteOptions ?? undefined };
}

/** Evicts the target. Errors: NotFound, Conflict (preconditions). */
export async function evict(registry: Registry, target: Target, options: DeleteOptions): Promise<Status> {
  const { subresource: _eviction, ...pod } = target;
  await remove(registry, pod, options);
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success' };
}
