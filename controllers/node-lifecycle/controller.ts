// Watches the leases of nodes; fences those that went silent, gives up their slices, and takes back those that return.
import { kinds, type Node, type Slice, type Taint, wellKnown } from '../../apis/index.ts';
import { Controller, type ControllerContext, isEnded, orGone, type Result, timestamp } from '../kit/index.ts';
import { graceMs, isRestored, isUnreachable, type NodeAction, planNode } from './plan.ts';

/** What was last seen of a node's lease. */
interface Sighting {
  readonly renewTime: string;
  /** When we saw it first. */
  readonly atMs: number;
  /** When we last looked. */
  readonly lookedMs: number;
  /** Whether it took the place of another before our eyes. */
  readonly hasMoved: boolean;
}

/** A lease that has not moved for so long is looked at on the server: the watch may be what is silent. */
const lookMs = 10_000;
/** Who has not looked for so long cannot tell silence from an outage of the API or a stall of our own. */
const gapMsMax = 15_000;

/** The node-lifecycle controller. */
export function nodeLifecycleController(context: ControllerContext): Controller {
  const { client, clock, informers, recorder } = context;
  const nodes = informers.of(kinds.nodes);
  const leases = informers.of(kinds.leases, { namespace: wellKnown.nodeLeaseHerd });
  const slices = informers.of(kinds.slices);
  slices.addIndexer('node', (slice) => (slice.spec.nodeName === undefined ? [] : [slice.spec.nodeName]));
  // One per node; those that are deleted and have no slices are dropped.
  const sightings = new Map<string, Sighting>();

  async function reconcile(name: string): Promise<Result> {
    const onNode = slices.byIndex('node', name);
    // Caches of two kinds may be apart: before its slices are given up for a node that is not there, the server is asked.
    const node =
      nodes.get({ name }) ?? (onNode.some(isLive) ? await orGone(client.get(kinds.nodes, { name })) : undefined);
    const { silentMs, hasMoved } = node === undefined ? { silentMs: 0, hasMoved: false } : await look(name);
    for (const action of planNode({ node, silentMs, hasMoved, slices: onNode })) await act(name, node, action);
    if (node === undefined) {
      sightings.delete(name);
      return {};
    }
    return { requeueAfterMs: silentMs < graceMs ? Math.min(lookMs, graceMs - silentMs) : lookMs };
  }

  /** For how long the node's lease has not moved while we were looking. */
  async function look(name: string): Promise<{ readonly silentMs: number; readonly hasMoved: boolean }> {
    const ref = { namespace: wellKnown.nodeLeaseHerd, name };
    const before = sightings.get(name);
    const isDue = before !== undefined && clock.monotonicMs() - before.atMs >= lookMs;
    const lease = isDue ? await orGone(client.get(kinds.leases, ref)) : leases.get(ref);
    const renewTime = lease?.spec?.renewTime ?? '';
    const nowMs = clock.monotonicMs();
    const wasLooking = before !== undefined && nowMs - before.lookedMs <= gapMsMax;
    const isSame = before?.renewTime === renewTime;
    const atMs = wasLooking && isSame ? before.atMs : nowMs;
    const hasMoved = before !== undefined && (isSame ? wasLooking && before.hasMoved : true);
    sightings.set(name, { renewTime, atMs, lookedMs: nowMs, hasMoved });
    return { silentMs: nowMs - atMs, hasMoved };
  }

  async function act(name: string, node: Node | undefined, action: NodeAction): Promise<unknown> {
    switch (action.do) {
      case 'unknown':
        if (node === undefined) return undefined;
        recorder.warn(node, 'NodeNotReady', action.message);
        return orGone(client.updateStatus(kinds.nodes, withReadyUnknown(node, action.message, timestamp(clock.now()))));
      case 'taint': {
        const ours = {
          key: wellKnown.unreachableTaint,
          effect: 'NoExecute',
          timeAdded: timestamp(clock.now()),
        } as const;
        return setTaints(name, (taints) => [...taints.filter((taint) => !isUnreachable(taint)), ours]);
      }
      case 'untaint':
        return setTaints(name, (taints) => taints.filter((taint) => !isUnreachable(taint)));
      case 'trust':
        return setTaints(name, (taints) => taints.filter((taint) => !isRestored(taint)));
      case 'lose':
        return lose(action.slice, action.message);
    }
  }

  async function setTaints(name: string, change: (taints: readonly Taint[]) => readonly Taint[]): Promise<void> {
    // Read anew: the status was written a moment ago, and the list of taints is replaced whole.
    const node = await orGone(client.get(kinds.nodes, { name }));
    if (node === undefined) return;
    const { resourceVersion } = node.metadata;
    const body = { metadata: { resourceVersion }, spec: { taints: change(node.spec?.taints ?? []) } };
    await orGone(client.patch(kinds.nodes, { name }, { type: 'merge', body }));
  }

  async function lose(slice: Slice, message: string): Promise<void> {
    const { namespace = '', name = '', resourceVersion } = slice.metadata;
    const status = { phase: 'Lost', reason: 'NodeLost', message, completionTime: timestamp(clock.now()) };
    const body = { metadata: { resourceVersion }, status };
    recorder.warn(slice, 'NodeLost', message);
    const options = { subresource: 'status' } as const;
    await orGone(client.patch(kinds.slices, { namespace, name }, { type: 'merge', body }, options));
  }

  return new Controller(context, { name: 'node-lifecycle', reconcile })
    .watch(nodes, ({ metadata }) => [metadata.name ?? ''])
    .watch(leases, ({ metadata }) => [metadata.name ?? ''])
    .watch(slices, ({ spec }) => (spec.nodeName === undefined ? [] : [spec.nodeName]));
}

const isLive = (slice: Slice): boolean => !isEnded(slice);

function withReadyUnknown(node: Node, message: string, now: string): Node {
  const others = (node.status?.conditions ?? []).filter(({ type }) => type !== 'Ready');
  const ready = {
    type: 'Ready',
    status: 'Unknown',
    reason: 'NodeStatusUnknown',
    message,
    lastTransitionTime: now,
  } as const;
  return { ...node, status: { ...node.status, conditions: [...others, ready] } };
}
