// One watch from its beginning: what is there if that is asked for, then what happens.
import type { KindInfo } from '../../apis/index.ts';
import type { Revision } from '../../barn/index.ts';
import { herdOf, type Registry, type Target } from '../registry/registry.ts';
import type { Freshness, Page } from '../storage/object-store.ts';
import { demanded } from '../view/field-selector.ts';
import { type Interest, type Scope, takes } from './groups.ts';
import type { WatchHubs } from './hubs.ts';
import type { Watcher } from './watcher.ts';

/** Where a watch begins. */
export type Beginning =
  /** With changes after a version. */
  | { readonly kind: 'after'; readonly revision: Revision }
  /** With what is there, as fresh as is asked for. */
  | { readonly kind: 'all'; readonly freshness: Freshness; readonly marksEnd: boolean };

/**
 * The scope of a target. A herd that is not there may come, and one that came since the watch's beginning may have had another
 * before it: their watchers follow the whole kind and go by the herd's name.
 */
export async function scopeOf(
  registry: Registry,
  target: Target,
  freshness: Freshness,
  beginning: Beginning,
): Promise<Scope> {
  const herd = await herdOf(registry, target, freshness);
  if (herd === undefined) return { kind: 'all' };
  const uid = herd?.object.metadata.uid;
  const isYounger = herd !== null && beginning.kind === 'after' && herd.created > beginning.revision;
  return uid === undefined || isYounger ? { kind: 'named', herd: target.namespace ?? '' } : { kind: 'herd', uid };
}

/** Tells `watcher` until the signal aborts, then calls `onEnd`; or with an error: as `KindHub.add`. */
export function serveWatcher(
  { registry, hubs }: { readonly registry: Registry; readonly hubs: WatchHubs },
  info: KindInfo,
  watcher: Watcher,
  beginning: Beginning,
  signal: AbortSignal,
  onEnd: (error?: unknown) => void,
): void {
  const goOn = (after: Revision): void => hubs.add(info, watcher, after, signal, onEnd);
  if (beginning.kind === 'after') goOn(beginning.revision);
  else tellAll(registry, info, watcher, beginning, signal).then(goOn, onEnd);
}

async function tellAll(
  registry: Registry,
  info: KindInfo,
  watcher: Watcher,
  { freshness, marksEnd }: Extract<Beginning, { kind: 'all' }>,
  signal: AbortSignal,
): Promise<Revision> {
  const { interest } = watcher;
  const page = await firstPage(registry, info, interest, freshness);
  for (const stored of page.items) {
    if (signal.aborted) break;
    if (takes(info, interest, stored)) await watcher.tell('ADDED', stored, stored.revision);
  }
  if (marksEnd && watcher.bookmarks) {
    watcher.marked(page.revision);
    await watcher.write(watcher.form.bookmark(page.revision, true));
  }
  return page.revision;
}

async function firstPage(
  { store }: Registry,
  info: KindInfo,
  { scope, selection }: Interest,
  freshness: Freshness,
): Promise<Pick<Page, 'items' | 'revision'>> {
  if (scope.kind === 'named') return { items: [], revision: await store.revision(freshness) };
  const name = demanded(selection.fields, 'metadata.name');
  return store.page(info, scope.kind === 'herd' ? scope.uid : undefined, { ...freshness, name });
}
