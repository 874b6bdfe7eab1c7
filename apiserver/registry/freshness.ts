// How old an answer may be.
import { ApiError } from '../../apis/index.ts';
import type { Revision } from '../../barn/index.ts';
import { sleep } from '../../base/index.ts';
import type { Freshness } from '../storage/object-store.ts';
import type { Registry } from './registry.ts';

/** How often a server that is behind looks whether it has caught up. */
const lookMs = 20;

/** A resourceVersion as a revision. Errors: Unknown, as in Kubernetes, which takes it for a fault of its own. */
export function parseVersion(text: string): Revision {
  const revision = Number(text);
  if (/^\d{1,16}$/.test(text) && Number.isSafeInteger(revision)) return revision;
  const why = /^\d+$/.test(text) ? 'value out of range' : 'invalid syntax';
  throw new ApiError(
    'Unknown',
    `resourceVersion: Invalid value: "${text}": strconv.ParseUint: parsing "${text}": ${why}`,
  );
}

/** Waits for a bounded time until this server has a revision. Errors: Timeout. */
export async function untilReached({ store, clock, limits }: Registry, wanted: Revision): Promise<void> {
  const untilMs = clock.monotonicMs() + limits.freshWaitMsMax;
  for (;;) {
    const current = await store.revision({ serializable: true });
    if (current >= wanted) return;
    if (clock.monotonicMs() >= untilMs) throw tooLarge(wanted, current);
    await sleep(clock, lookMs);
  }
}

/** How one object is read for a resourceVersion: unset is linearizable, 0 is what this server has, else not older than it. Errors: BadRequest, Timeout. */
export async function freshnessOfGet(registry: Registry, resourceVersion: string): Promise<Freshness> {
  if (resourceVersion === '') return {};
  const wanted = parseVersion(resourceVersion);
  if (wanted > 0) await untilReached(registry, wanted);
  return { serializable: true };
}

/** The 504 for a version that is still to come. */
export function tooLarge(wanted: Revision, current: Revision): ApiError {
  return new ApiError('Timeout', `Timeout: Too large resource version: ${wanted}, current: ${current}`, {
    retryAfterSeconds: 1,
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version', field: '' }],
  });
}
