import type { BarnEvent, KeyValue, Revision } from '../barn.ts';
import { emptyHead, headNumbers } from '../state/head.ts';
import type { SnapshotSource } from '../state/snapshot.ts';
import { State } from '../state/state.ts';

/**
 * The live keys at `revision` as a snapshot of ours, compacted there: what came before stays in etcd. A member of a group of
 * ours can be restored from it.
 */
export function snapshotOf(revision: Revision, items: readonly KeyValue[]): SnapshotSource {
  const state = new State();
  state.startCompacted(revision, 0);
  const placed = new Map<Revision, number>();
  const events: BarnEvent[] = [];
  for (const kv of [...items].sort((a, b) => a.modRevision - b.modRevision)) {
    const index = placed.get(kv.modRevision) ?? 0;
    placed.set(kv.modRevision, index + 1);
    if (kv.modRevision === revision) events.push({ type: 'put', kv });
    else state.restoreOld({ kv, index });
  }
  if (revision > 0) state.apply(revision, events);
  const restoredRevision = events.length === 0 ? revision : 0;
  return {
    head: { ...emptyHead, ...headNumbers(state), restoredRevision },
    old: state.oldVersions(),
    entries: state.log.entries(),
  };
}
