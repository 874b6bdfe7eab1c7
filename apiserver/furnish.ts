// The objects that are always there. Several servers may make them at once: whoever comes second finds them made.
import { isApiError, kinds, wellKnown } from '../apis/index.ts';
import { BarnError } from '../barn/index.ts';
import { backoffMs, type Log, sleep } from '../base/index.ts';
import { create } from './registry/create.ts';
import type { Registry } from './registry/registry.ts';

const quiet = { dryRun: false, fieldValidation: 'Strict', warn: () => undefined } as const;
const backoff = { baseMs: 50, capMs: 2_000 };

/** Makes our herds and what belongs in them, waiting for a leader as long as it takes. Resolves early when `signal` aborts. */
export async function makeOurHerds(registry: Registry, log: Log, signal: AbortSignal): Promise<void> {
  for (const name of ['default', wellKnown.systemHerd, wellKnown.nodeLeaseHerd])
    for (let failures = 0; !signal.aborted; failures++) {
      try {
        const body = { apiVersion: 'runink.io/v1', kind: 'Herd', metadata: { name } };
        await unlessThere(create(registry, { info: kinds.herds }, body, quiet));
        await furnishHerd(registry, name);
        break;
      } catch (error) {
        if (!(error instanceof BarnError) || !isPassing(error)) throw error;
        if (failures === 0) log.warn('the store cannot answer yet, will try again', { cause: String(error) });
        await sleep(registry.clock, backoffMs(failures, backoff, registry.random), signal).catch(() => {});
      }
    }
}

// An unknown outcome may be met again: what is there already is found.
function isPassing({ reason }: BarnError): boolean {
  return reason === 'NoLeader' || reason === 'Unknown' || reason === 'Overloaded';
}

/** What every herd has: the account that steps act as unless they say otherwise. */
export async function furnishHerd(registry: Registry, herd: string): Promise<void> {
  const body = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default' } };
  await unlessThere(create(registry, { info: kinds.serviceAccounts, namespace: herd }, body, quiet));
}

async function unlessThere(work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    // There already, or the herd was deleted in the same moment.
    if (!isApiError(error, 'AlreadyExists', 'Forbidden', 'NotFound')) throw error;
  }
}
