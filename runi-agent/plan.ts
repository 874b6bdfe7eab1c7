// What to do next about one group attempt, from what the API and this node's slots say. Pure.
import type { EndCause, FinalStatus } from './judge.ts';

/** `phase` counts what the agent has decided and may not yet have been acknowledged. */
export interface SeenSlice {
  readonly uid: string;
  readonly name: string;
  readonly step: string;
  readonly phase: 'Pending' | 'Running' | 'Succeeded' | 'Failed' | 'Lost';
  readonly isDeleting: boolean;
  /** Bound here, and nobody here can say what came of it. */
  readonly orphan?: Orphan;
}

/** Why: its process ended with the former agent, or the store was restored to a time before it ended. */
export type Orphan = 'AgentRestarted' | 'StoreRestored';

/** A slice of the group that runs or ran here. */
export interface SeenMember {
  readonly uid: string;
  readonly name: string;
  readonly hasEnded: boolean;
  /** none: it runs, or did well; own: its own fault; felt: it only felt another's end. */
  readonly failure: 'none' | 'own' | 'felt';
}

/** The group attempt as this agent runs it. */
export interface SeenLocal {
  readonly isKilled: boolean;
  /** Missed by a restored store: kept for so long yet, for it may be placed here again; until then nothing is published. */
  readonly heldMs?: number;
  readonly members: readonly SeenMember[];
  /** How long ago the first felt failure was seen. */
  readonly feltForMs: number;
}

/** A group as it is now, in the API and on this node. */
export interface SeenGroup {
  readonly slices: readonly SeenSlice[];
  /** How many slices the group has in all. */
  readonly size: number;
  readonly local?: SeenLocal;
  /** What became of it here before, by step: it is not run again. */
  readonly ended?: ReadonlyMap<string, FinalStatus>;
  /** It is not known whether the store was restored: nothing is begun, and nothing ended for being gone. */
  readonly isUncertain: boolean;
  /** Why the group does not fit this node now. */
  readonly misfit?: { readonly reason: string; readonly message: string };
}

/** One thing to do for a group; harmless when repeated. */
export type Action =
  | { readonly do: 'start' }
  | { readonly do: 'kill'; readonly cause?: EndCause }
  | { readonly do: 'look-again'; readonly afterMs: number }
  | { readonly do: 'finish' }
  /** Other slices ask for what runs already. */
  | { readonly do: 'adopt' }
  | { readonly do: 'discard' }
  | { readonly do: 'report'; readonly uid: string; readonly status: FinalStatus };

/** A slice that felt another's end is often seen first; the one to blame gets this long to show itself. */
export const feltGraceMs = 250;

/** The actions, in order. Running them twice does nothing the second time. */
export function plan(seen: SeenGroup): readonly Action[] {
  return seen.local === undefined ? planAbsent(seen) : planRunning(seen, seen.local);
}

function planAbsent(seen: SeenGroup): readonly Action[] {
  const live = seen.slices.filter((slice) => !isTerminal(slice));
  if (live.length === 0 || seen.isUncertain) return [];
  const report = (slice: SeenSlice, status: FinalStatus): Action => ({ do: 'report', uid: slice.uid, status });
  const { ended: known } = seen;
  if (known !== undefined) return live.map((slice) => report(slice, known.get(slice.step) ?? orphaned.StoreRestored));
  const deleting = live.filter((slice) => slice.isDeleting);
  const ended = seen.slices.filter(isTerminal);
  const orphan = live.find((slice) => slice.orphan !== undefined)?.orphan;
  if (orphan !== undefined)
    return [{ do: 'discard' }, ...live.map((slice) => report(slice, slice.isDeleting ? cancelled : orphaned[orphan]))];
  const blamed = deleting[0] ?? ended[0];
  if (blamed !== undefined) {
    const message = `slice ${blamed.name} of its group ${blamed.isDeleting ? 'was cancelled' : 'has ended'}`;
    return live.map((slice) =>
      report(slice, slice.isDeleting ? cancelled : { phase: 'Failed', reason: 'GroupFailed', message }),
    );
  }
  if (live.length < seen.size) return [];
  if (seen.misfit !== undefined) {
    const { reason, message } = seen.misfit;
    return live.map((slice) => report(slice, { phase: 'Lost', reason, message }));
  }
  return [{ do: 'start' }];
}

function planRunning(seen: SeenGroup, local: SeenLocal): readonly Action[] {
  const haveEnded = local.members.every((member) => member.hasEnded);
  if (local.isKilled) return haveEnded ? [{ do: 'finish' }] : [];
  const deleting = seen.slices.filter((slice) => slice.isDeleting);
  if (deleting.length > 0 && !haveEnded)
    return [{ do: 'kill', cause: { kind: 'cancelled', slices: deleting.map((slice) => slice.name) } }];
  if (isAskedByOthers(seen, local)) return [{ do: 'adopt' }];
  const known = new Map(seen.slices.map((slice) => [slice.uid, slice]));
  const gone = local.members.find((member) => {
    const slice = known.get(member.uid);
    return slice === undefined || isTerminal(slice);
  });
  if (gone !== undefined) {
    if (seen.isUncertain) return [];
    if (local.heldMs !== undefined && local.heldMs > 0) return [{ do: 'look-again', afterMs: local.heldMs }];
    const message = `slice ${gone.name} is gone or was ended by another`;
    const kill: Action = { do: 'kill', cause: { kind: 'gone', message } };
    if (!haveEnded) return [kill];
    if (local.heldMs !== undefined) return [kill, { do: 'finish' }];
  }
  if (haveEnded) return [{ do: 'finish' }];
  if (local.members.some((member) => member.failure === 'own')) return [{ do: 'kill' }];
  if (!local.members.some((member) => member.failure === 'felt')) return [];
  return local.feltForMs >= feltGraceMs
    ? [{ do: 'kill' }]
    : [{ do: 'look-again', afterMs: feltGraceMs - local.feltForMs }];
}

/** The same attempt of the same group, whole, under other uids: made anew by a store that had forgotten the first ones. */
function isAskedByOthers(seen: SeenGroup, local: SeenLocal): boolean {
  const uids = new Set(local.members.map((member) => member.uid));
  const others = seen.slices.filter((slice) => !uids.has(slice.uid) && !isTerminal(slice) && !slice.isDeleting);
  return others.length > 0 && others.length === seen.slices.length && others.length === local.members.length;
}

const orphaned: Readonly<Record<Orphan, FinalStatus>> = {
  AgentRestarted: {
    phase: 'Lost',
    reason: 'AgentRestarted',
    message: 'the agent restarted, and its processes ended with it',
  },
  StoreRestored: {
    phase: 'Lost',
    reason: 'StoreRestored',
    message: 'the store was restored, and what became of it since is not known here',
  },
};
const cancelled: FinalStatus = { phase: 'Failed', reason: 'Cancelled', message: 'it was deleted before it ran' };

/** Whether its status is final. */
export function isTerminal(slice: { readonly phase: SeenSlice['phase'] }): boolean {
  return slice.phase === 'Succeeded' || slice.phase === 'Failed' || slice.phase === 'Lost';
}
