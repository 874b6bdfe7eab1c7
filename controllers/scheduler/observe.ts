// Objects of the API → what the scheduler decides on. Pure.
import {
  type Herd,
  type Node,
  quantityMillis,
  quantityUnits,
  type Run,
  type Slice,
  wellKnown,
} from '../../apis/index.ts';
import { isEnded } from '../kit/index.ts';
import { amountsOf } from './ledger.ts';
import {
  type Amounts,
  add,
  type HerdState,
  type NodeState,
  noAmounts,
  type PendingGroup,
  type VolumeNeed,
} from './model.ts';

/** A node as it stands, with what its slices use. Objects of a cache never change, so each is read once. */
export function nodeState(node: Node, used: Amounts): NodeState {
  const read = readNodes.get(node) ?? readNode(node);
  readNodes.set(node, read);
  return { ...read, used };
}

const readNodes = new WeakMap<Node, Omit<NodeState, 'used'>>();

function readNode(node: Node): Omit<NodeState, 'used'> {
  const { allocatable = {}, conditions = [], volumes = [] } = node.status ?? {};
  const effects = (node.spec?.taints ?? []).map(({ effect }) => effect);
  return {
    name: node.metadata.name ?? '',
    isReady: conditions.some(({ type, status }) => type === 'Ready' && status === 'True'),
    isCordoned: node.spec?.unschedulable === true,
    isTainted: effects.includes('NoSchedule') || effects.includes('NoExecute'),
    capacity: {
      cpuMillis: quantityMillis(allocatable['cpu'] ?? 0),
      memoryBytes: quantityUnits(allocatable['memory'] ?? 0),
      pids: limitOf(allocatable['pids']),
      slices: limitOf(allocatable['slices']),
    },
    volumes,
  };
}

/** A node that does not say how many it takes has no limit. */
const limitOf = (quantity: string | number | undefined): number =>
  quantity === undefined ? Number.MAX_SAFE_INTEGER : quantityUnits(quantity);

/**
 * Whether the agent of a node may know of a time that a restored store has lost, and has not said so yet: until then what is
 * placed may be running, or have run. One that is unreachable is not waited for.
 */
export function awaitsReports(nodes: readonly Node[]): boolean {
  return nodes.some((node) => hasTaint(node, wellKnown.restoredTaint) && !hasTaint(node, wellKnown.unreachableTaint));
}

/** Which node has each attempt that a restored store does not know of; those of unreachable nodes may run again elsewhere. */
export function attemptsOf(nodes: readonly Node[]): ReadonlyMap<string, string> {
  const reachable = nodes.filter((node) => !hasTaint(node, wellKnown.unreachableTaint));
  return new Map(
    reachable.flatMap(({ metadata, status }) =>
      (status?.attempts ?? []).map((attempt) => [attempt, metadata.name ?? ''] as const),
    ),
  );
}

function hasTaint({ spec }: Node, wanted: string): boolean {
  return (spec?.taints ?? []).some(({ key }) => key === wanted);
}

/** A herd as it stands, with what its slices use. */
export function herdState(herd: Herd, used: Amounts): HerdState {
  const { quota = {}, volumes } = herd.spec ?? {};
  return {
    name: herd.metadata.name ?? '',
    uid: herd.metadata.uid ?? '',
    isTerminating: herd.metadata.deletionTimestamp !== undefined,
    quota: {
      ...(quota.cpu !== undefined && { cpuMillis: quantityMillis(quota.cpu) }),
      ...(quota.memory !== undefined && { memoryBytes: quantityUnits(quota.memory) }),
      ...(quota.slices !== undefined && { slices: quota.slices }),
    },
    used,
    ...(volumes !== undefined && { volumes }),
  };
}

/** What identifies the slices that are placed together: one attempt of one group of one run. */
export function groupKeyOf(slice: Slice): string {
  return `${slice.metadata.namespace ?? ''}/${attemptOf(slice)}`;
}

/** As Node.status.attempts names it. */
function attemptOf({ spec }: Slice): string {
  return `${spec.runUID ?? spec.run}/${spec.group ?? spec.step}/${spec.attempt}`;
}

/** Whether a slice waits for a node. */
export function isPending(slice: Slice): boolean {
  return slice.spec.nodeName === undefined && slice.metadata.deletionTimestamp === undefined && !isEnded(slice);
}

/**
 * The group that `members` (all slices of one key; `volumes`: of their run) are, or undefined as long as it cannot be placed: not all of them are
 * there, their run is not known yet, or one has ended or must end, so that the attempt is void. `attempts`: who has which.
 */
export function pendingGroup(
  members: readonly Slice[],
  volumes: ReadonlyMap<string, readonly VolumeNeed[]> | undefined,
  nodeOf: (slice: Slice) => string | undefined,
  attempts: ReadonlyMap<string, string> = new Map(),
): PendingGroup | undefined {
  const [first] = members;
  if (first === undefined) return undefined;
  const size = Math.max(...members.map(({ spec }) => spec.groupSize ?? 1));
  if (members.length < size) return undefined;
  if (members.some((slice) => isEnded(slice) || slice.metadata.deletionTimestamp !== undefined)) return undefined;
  if (volumes === undefined && first.spec.runUID !== undefined) return undefined;
  const placeOf = (slice: Slice): string | undefined => slice.spec.nodeName ?? nodeOf(slice);
  const unbound = members.filter((slice) => placeOf(slice) === undefined).sort(byName);
  if (unbound.length === 0) return undefined;
  const pinnedNode = members.map(placeOf).find((node) => node !== undefined) ?? attempts.get(attemptOf(first));
  return {
    key: groupKeyOf(first),
    herd: first.metadata.namespace ?? '',
    slices: unbound.map(({ metadata }) => metadata.name ?? ''),
    needs: unbound.map(amountsOf).reduce((sum, amounts) => add(sum, amounts), noAmounts),
    volumes: volumes?.get(first.spec.group ?? first.spec.step) ?? [],
    ...(pinnedNode !== undefined && { pinnedNode }),
  };
}

/** The volumes that each group of a run reads and writes, by name. A plan never changes, so once is enough. */
export function volumesOf({ spec: { plan } }: Run): ReadonlyMap<string, readonly VolumeNeed[]> {
  const groups = new Map<string, Map<string, boolean>>();
  const need = (group: string, volume: string | undefined, isWritten: boolean): void => {
    const needs = groups.get(group) ?? new Map<string, boolean>();
    groups.set(group, needs);
    if (volume !== undefined) needs.set(volume, isWritten || needs.get(volume) === true);
  };
  for (const { group, inputs, outputs } of plan.steps) {
    for (const input of inputs) if (input.kind === 'file') need(group, input.volume, false);
    for (const output of outputs) if (output.kind === 'file') need(group, output.volume, true);
  }
  for (const { name, deadLetters } of plan.groups) need(name, deadLetters?.volume, true);
  const sorted = (needs: ReadonlyMap<string, boolean>): readonly VolumeNeed[] =>
    [...needs].map(([name, isWritten]) => ({ name, isWritten })).sort((a, b) => (a.name < b.name ? -1 : 1));
  return new Map([...groups].map(([group, needs]) => [group, sorted(needs)]));
}

const byName = (a: Slice, b: Slice): number => ((a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1);
