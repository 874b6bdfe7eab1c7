// The scheduler's decision as a pure function: the same input gives the same output, on any machine, at any time.
import { createHash } from 'node:crypto';
import { explainNodes, explainQuota, type Misfit } from './explain.ts';
import {
  type Amounts,
  add,
  type Decision,
  dimensions,
  type HerdState,
  type NodeState,
  type PendingGroup,
  type Policy,
  type Schedule,
  type Snapshot,
  type Unplaced,
} from './model.ts';

/**
 * Places groups in the given order, each on one node or not at all; a group that does not fit does not hold up the next.
 * `seed` decides between nodes of equal score. Nothing outside of the arguments has a say.
 */
export function schedule(
  snapshot: Snapshot,
  pending: readonly PendingGroup[],
  policy: Policy,
  seed: number,
  nowMs: number,
): Schedule {
  const nodes = snapshot.nodes.map((node) => ({ ...node, tie: fnv1a(`${seed}/${node.name}`) }));
  const herds = new Map(snapshot.herds.map((herd) => [herd.name, herd]));
  const decisions: Decision[] = [];
  const unplaced: Unplaced[] = [];
  for (const group of pending) {
    const herd = herds.get(group.herd);
    const refusal = refusedByHerd(group, herd);
    const placed = refusal ?? place(group, nodes, herd);
    if ('cause' in placed) {
      unplaced.push({ group: group.key, ...placed });
      continue;
    }
    const { index, score } = placed;
    const node = nodes[index];
    if (node === undefined) continue;
    nodes[index] = { ...node, used: add(node.used, group.needs) };
    if (herd !== undefined) herds.set(herd.name, { ...herd, used: add(herd.used, group.needs) });
    decisions.push({ group: group.key, node: node.name, slices: group.slices, score });
  }
  return {
    decisions,
    unplaced,
    inputHash: hashOf([snapshot, pending, policy, seed, nowMs]),
    outputHash: hashOf([decisions, unplaced]),
  };
}

type Refusal = Omit<Unplaced, 'group'>;
type Candidate = NodeState & { readonly tie: number };

function refusedByHerd(group: PendingGroup, herd: HerdState | undefined): Refusal | undefined {
  if (herd === undefined || herd.isTerminating)
    return {
      cause: 'never',
      message: `herd ${group.herd} ${herd === undefined ? 'does not exist' : 'is being deleted'}`,
    };
  const forbidden = group.volumes.find(({ name }) => herd.volumes !== undefined && !herd.volumes.includes(name));
  if (forbidden !== undefined)
    return {
      cause: 'never',
      message: `herd ${herd.name} may not use volume ${forbidden.name} (it may: ${herd.volumes?.join(', ') || 'none'})`,
    };
  for (const dimension of dimensions) {
    const most = herd.quota[dimension];
    if (most === undefined || herd.used[dimension] + group.needs[dimension] <= most) continue;
    const cause = group.needs[dimension] > most ? 'never' : 'busy';
    return { cause, message: explainQuota(group, herd, dimension) };
  }
  return undefined;
}

function place(
  group: PendingGroup,
  nodes: readonly Candidate[],
  herd: HerdState | undefined,
): { readonly index: number; readonly score: number } | Refusal {
  let best: { index: number; score: number; tie: number } | undefined;
  const misfits = new Map<string, Misfit>();
  let cause: Refusal['cause'] = 'blocked';
  for (const [index, node] of nodes.entries()) {
    const misfit = misfitOf(group, node, herd?.uid ?? '');
    if (misfit === undefined) {
      const score = scoreOf(group.needs, node);
      if (best === undefined || score < best.score || (score === best.score && node.tie < best.tie))
        best = { index, score, tie: node.tie };
      continue;
    }
    misfits.set(node.name, misfit);
    if (misfit.why === 'short') {
      const fitsEmpty = dimensions.every((dimension) => group.needs[dimension] <= node.capacity[dimension]);
      if (fitsEmpty) cause = 'busy';
      else if (cause === 'blocked') cause = 'never';
    }
  }
  if (best !== undefined) return best;
  return { cause, message: explainNodes(group, misfits) };
}

/** The first reason why `node` cannot take the group, or undefined. */
function misfitOf(group: PendingGroup, node: NodeState, herdUid: string): Misfit | undefined {
  if (group.pinnedNode !== undefined && group.pinnedNode !== node.name) return other('without the rest of its group');
  if (!node.isReady) return other('not ready');
  if (node.isCordoned) return other('unschedulable');
  if (node.isTainted) return other('tainted');
  for (const { name, isWritten } of group.volumes) {
    const access = volumeAccess(node.volumes, name, herdUid);
    if (access === undefined) return other(`without volume ${name}`);
    if (isWritten && access === 'ro') return other(`with volume ${name} read-only`);
  }
  for (const dimension of dimensions) {
    const free = node.capacity[dimension] - node.used[dimension];
    if (group.needs[dimension] > free) return { why: 'short', of: dimension, by: group.needs[dimension] - free };
  }
  return undefined;
}

const other = (text: string): Misfit => ({ why: 'other', text });

/** How a herd may use a volume of a node: entries are NAME or NAME:rw, to one herd as HERDUID/NAME. */
function volumeAccess(volumes: readonly string[], name: string, herdUid: string): 'ro' | 'rw' | undefined {
  let access: 'ro' | 'rw' | undefined;
  for (const entry of volumes) {
    const isWritable = entry.endsWith(':rw');
    const bare = entry.replace(/:r[ow]$/, '');
    if (bare !== name && bare !== `${herdUid}/${name}`) continue;
    if (isWritable) return 'rw';
    access = 'ro';
  }
  return access;
}

function scoreOf(needs: Amounts, { capacity, used }: NodeState): number {
  const left = (dimension: 'cpuMillis' | 'memoryBytes'): number => {
    const free = capacity[dimension] - used[dimension] - needs[dimension];
    return capacity[dimension] === 0 ? 0 : Math.floor((free * 1000) / capacity[dimension]);
  };
  return left('cpuMillis') + left('memoryBytes');
}

/** FNV-1a, 32 bits (http://www.isthe.com/chongo/tech/comp/fnv/): spreads ties, guards nothing. */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return hash >>> 0;
}

// Every value in here is made by literals with a fixed order of fields, so JSON.stringify is canonical.
const hashOf = (value: unknown): string => createHash('sha256').update(JSON.stringify(value)).digest('hex');
