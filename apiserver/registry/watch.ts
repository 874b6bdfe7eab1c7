// A watch as a sequence of events, for the server's own use; those of clients share one watch of the store (watch/hub.ts).
import type { KindInfo } from '../../apis/index.ts';
import type { BarnEvent, Revision } from '../../barn/index.ts';
import type { Freshness, Stored } from '../storage/object-store.ts';
import { watchError } from '../watch/hub.ts';
import { type Selection, selects } from './list.ts';
import { herdOf, type Registry, type Target } from './registry.ts';

/** What a watcher is told. What was deleted, or left the selection, is shown as it last was; the version is that of the change. */
export type Change =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly stored: Stored; readonly revision: Revision }
  /** All changes up to `revision` were told. */
  | { readonly type: 'PROGRESS'; readonly revision: Revision }
  /** What was there at the beginning was told. */
  | { readonly type: 'SYNCED'; readonly revision: Revision };

/** Which objects are watched, and from when. */
export interface WatchOptions extends Selection {
  /** Changes after this; undefined: first what is there. */
  readonly after: Revision | undefined;
  /** What is there may be as old as this server has it. */
  readonly serializable?: boolean;
  readonly signal: AbortSignal;
}

/** Changes until the signal aborts. Errors: ApiError Expired when the version is gone, TooManyRequests, ServiceUnavailable. */
export async function* watch(registry: Registry, target: Target, options: WatchOptions): AsyncGenerator<Change> {
  const { serializable = false } = options;
  const herd = await herdOf(registry, target, { serializable });
  const herdUid = herd === null ? null : herd?.object.metadata.uid;
  let after = options.after;
  if (after === undefined) {
    const page = await firstPage(registry, target.info, herdUid, { serializable });
    for (const stored of page.items) {
      if (selects(options, target.info, stored)) yield { type: 'ADDED', stored, revision: stored.revision };
    }
    after = page.revision;
    yield { type: 'SYNCED', revision: after };
  }
  try {
    // A herd that is not there may come, and one that came since may have had another before it: their watchers follow the
    // whole kind and go by the herd's name.
    const isNamed = herd === null || (herd !== undefined && herd.created > after);
    const followed = isNamed ? undefined : herdUid;
    const batches = await registry.store.watch(target.info, followed ?? undefined, after + 1, options.signal);
    for await (const batch of batches) {
      for (const event of batch.events) {
        const change = changeOf(registry, target, options, event, isNamed);
        if (change !== undefined) yield change;
      }
      yield { type: 'PROGRESS', revision: batch.revision };
    }
  } catch (error) {
    throw watchError(error, after);
  }
}

async function firstPage(registry: Registry, info: KindInfo, herdUid: string | undefined | null, freshness: Freshness) {
  if (herdUid === null) return { items: [], revision: await registry.store.revision(freshness) };
  return registry.store.page(info, herdUid, freshness);
}

// Entering a selection is an addition, leaving it a deletion.
function changeOf(
  registry: Registry,
  target: Target,
  options: WatchOptions,
  event: BarnEvent,
  isNamed: boolean,
): Change | undefined {
  const { now, before } = registry.store.changeOf(event);
  const revision = event.kv.modRevision;
  const takes = (stored: Stored | undefined): stored is Stored =>
    stored !== undefined &&
    (!isNamed || stored.object.metadata.namespace === target.namespace) &&
    selects(options, target.info, stored);
  if (takes(now)) return { type: takes(before) ? 'MODIFIED' : 'ADDED', stored: now, revision };
  if (!takes(before)) return undefined;
  return { type: 'DELETED', stored: before, revision };
}
