// POST pods/NAME/eviction: how kubectl drain asks a pod to leave. No budget of disruptions holds it, so it is a delete, with
// the options that stand in its body; but what has ended stays until its run knows, which else would repeat the step.
import { ApiError, isApiError, kinds, type Status, type Unstructured } from '../../apis/index.ts';
import { arrayOf, at, isRecord, textOf } from '../json.ts';
import type { Stored } from '../storage/object-store.ts';
import { type DeleteOptions, remove } from './delete.ts';
import { type Registry, readTarget, type Target } from './registry.ts';
import { isTerminal } from './strategy.ts';

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

/** Evicts the target. Errors: NotFound, Conflict (preconditions), TooManyRequests (it has ended a moment ago). */
export async function evict(registry: Registry, target: Target, options: DeleteOptions): Promise<Status> {
  const { subresource: _eviction, ...pod } = target;
  for (let attempt = 0; ; attempt++) {
    const stored = await readTarget(registry, pod);
    if (isTerminal(stored.object) && !(await isKnownToRun(registry, stored))) throw tooEarly(pod);
    const resourceVersion = options.resourceVersion ?? String(stored.revision);
    try {
      await remove(registry, pod, { ...options, resourceVersion });
      return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success' };
    } catch (error) {
      // It may have ended since it was read.
      const isAgain = isApiError(error, 'Conflict') && options.resourceVersion === undefined;
      if (!isAgain || attempt >= registry.limits.conflictRetriesMax) throw error;
    }
  }
}

async function isKnownToRun(registry: Registry, { object: slice, herdUid }: Stored): Promise<boolean> {
  const run = await registry.store.read(kinds.runs, herdUid, textOf(at(slice, 'spec.run')) ?? '');
  return run === undefined || run.object.metadata.uid !== at(slice, 'spec.runUID') || isFolded(slice, run.object);
}

const endedPhases: ReadonlySet<unknown> = new Set(['Succeeded', 'Failed', 'Lost', 'Cancelled']);

/** Whether a run's status says how a slice ended, or the run goes on without it. */
function isFolded(slice: Unstructured, run: Unstructured): boolean {
  if (endedPhases.has(at(run, 'status.phase'))) return true;
  const step = arrayOf(at(run, 'status.steps')).find((item) => isRecord(item) && item.name === at(slice, 'spec.step'));
  const [known, own] = [at(step, 'attempt'), at(slice, 'spec.attempt')];
  if (typeof known !== 'number' || typeof own !== 'number') return false;
  return known > own || (known === own && endedPhases.has(at(step, 'phase')));
}

function tooEarly({ name = '' }: Target): ApiError {
  return new ApiError('TooManyRequests', `pod "${name}" has just ended and its run does not know yet; try again`, {
    retryAfterSeconds: 1,
  });
}
