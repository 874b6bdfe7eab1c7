// The scheduler's decision as a pure function: the same input gives the same output, on any machine, at any time.
import { createHash } from 'node:crypto';
import { accessOf, type Candidate, Candidates, classOf } from './candidates.ts';
import { explainQuota } from './explain.ts';
import {
  add,
  type Decision,
  dimensions,
  type HerdState,
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
  const nodes = snapshot.nodes.map(
    (state): Candidate => ({
      state,
      tie: fnv1a(`${seed}/${state.name}`),
      access: accessOf(state.volumes),
      used: state.used,
      version: 0,
    }),
  );
  const herds = new Map(snapshot.herds.map((herd) => [herd.name, herd]));
  const classes = new Map<string, Candidates>();
  const changes: number[] = [];
  const decisions: Decision[] = [];
  const unplaced: Unplaced[] = [];
  for (const group of pending) {
    const herd = herds.get(group.herd);
    const refusal = refusedByHerd(group, herd);
    if (refusal !== undefined || herd === undefined) {
      if (refusal !== undefined) unplaced.push({ group: group.key, ...refusal });
      continue;
    }
    const candidates = candidatesOf(classes, group, () => new Candidates(group, herd.uid, nodes, changes));
    const best = candidates.best();
    const node = best === undefined ? undefined : nodes[best.index];
    if (best === undefined || node === undefined) {
      unplaced.push({ group: group.key, ...candidates.explain() });
      continue;
    }
    node.used = add(node.used, group.needs);
    node.version++;
    changes.push(best.index);
    herds.set(herd.name, { ...herd, used: add(herd.used, group.needs) });
    decisions.push({ group: group.key, node: node.state.name, slices: group.slices, score: best.score });
  }
  return {
    decisions,
    unplaced,
    inputHash: hashOf([snapshot, pending, policy, seed, nowMs]),
    outputHash: hashOf([decisions, unplaced]),
  };
}

type Refusal = Omit<Unplaced, 'group'>;

function candidatesOf(classes: Map<string, Candidates>, group: PendingGroup, make: () => Candidates): Candidates {
  const key = classOf(group);
  const made = classes.get(key) ?? make();
  classes.set(key, made);
  return made;
}

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

/** FNV-1a, 32 bits (http://www.isthe.com/chongo/tech/comp/fnv/): spreads ties, guards nothing. */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return hash >>> 0;
}

// Every value in here is made by literals with a fixed order of fields, so JSON.stringify is canonical.
const hashOf = (value: unknown): string => createHash('sha256').update(JSON.stringify(value)).digest('hex');
