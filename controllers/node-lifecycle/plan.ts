// What to do about a node that may have gone silent. Pure.
import { type Node, type Slice, type Taint, wellKnown } from '../../apis/index.ts';
import { isEnded } from '../kit/index.ts';

/** A node whose lease did not change for so long, as this process saw it, is unreachable. */
export const graceMs = 40_000;

/** A node and how long it has been silent. */
export interface Seen {
  /** Undefined when it is deleted. */
  readonly node: Node | undefined;
  /** For how long its lease has not changed before our eyes; undefined when there is no lease, counted from when we first looked. */
  readonly silentMs: number;
  /** Whether its lease was renewed before our eyes: what was only not silent for long yet may still be dead. */
  readonly hasMoved: boolean;
  /** Slices on it. */
  readonly slices: readonly Slice[];
}

/** One thing to do about a node. */
export type NodeAction =
  | { readonly do: 'unknown'; readonly message: string }
  /** With it the server takes the node's fence away: nothing is bound to it from then on. */
  | { readonly do: 'taint' }
  | { readonly do: 'untaint' }
  /** Its agent has said what it knows of the time that a restored store has lost: it may get slices again. */
  | { readonly do: 'trust' }
  | { readonly do: 'lose'; readonly slice: Slice; readonly message: string };

/** In the order in which they must be done; each may fail and come again. */
export function planNode({ node, silentMs, hasMoved, slices }: Seen): readonly NodeAction[] {
  const live = slices.filter((slice) => !isEnded(slice));
  if (node === undefined) return live.map((slice) => lose(slice, `node ${slice.spec.nodeName ?? ''} was deleted`));
  const isTainted = (node.spec?.taints ?? []).some(isUnreachable);
  if (silentMs < graceMs)
    return [
      ...(isTainted && hasMoved ? [{ do: 'untaint' } as const] : []),
      ...(hasReported(node) ? [{ do: 'trust' } as const] : []),
    ];
  const message = `its agent has not renewed its lease for ${graceMs / 1000} s`;
  const ready = node.status?.conditions?.find(({ type }) => type === 'Ready');
  return [
    ...(ready?.status === 'Unknown' ? [] : [{ do: 'unknown', message } as const]),
    ...(isTainted ? [] : [{ do: 'taint' } as const]),
    ...live.map((slice) => lose(slice, `node ${node.metadata.name ?? ''}: ${message}`)),
  ];
}

/** A restore leaves no node Ready; only its agent makes it so. */
function hasReported({ spec, status }: Node): boolean {
  return (
    (spec?.taints ?? []).some(isRestored) &&
    (status?.conditions ?? []).some(({ type, status: is }) => type === 'Ready' && is === 'True')
  );
}

/** Whether a taint is the one that a restore sets on all nodes. */
export function isRestored({ key }: Taint): boolean {
  return key === wellKnown.restoredTaint;
}

/** Whether a taint is the one that we set on unreachable nodes. */
export function isUnreachable({ key, effect }: Taint): boolean {
  return key === wellKnown.unreachableTaint && effect === 'NoExecute';
}

const lose = (slice: Slice, message: string): NodeAction => ({ do: 'lose', slice, message });
