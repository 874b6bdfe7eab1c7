// The nodes that fit one class of groups, best first. Groups of a class need the same, so one look at all nodes serves them
// all; after that only nodes that changed are looked at again.
import { explainNodes, type Misfit } from './explain.ts';
import { type Amounts, dimensions, type NodeState, type PendingGroup, type Unplaced } from './model.ts';

/** A node as the decision sees it: what is used grows as groups are placed. */
export interface Candidate {
  readonly state: NodeState;
  /** Decides between equal scores. */
  readonly tie: number;
  /** By volume name; those that only one herd may use by HERDUID/NAME. */
  readonly access: ReadonlyMap<string, 'ro' | 'rw'>;
  used: Amounts;
  /** Grows with every placement. */
  version: number;
}

interface Entry {
  readonly index: number;
  readonly score: number;
  readonly version: number;
}

/** What makes groups the same to every node. */
export function classOf(group: PendingGroup): string {
  return JSON.stringify([group.herd, group.needs, group.volumes, group.pinnedNode ?? '', group.slices.length]);
}

/** One class over the nodes of a round. It keeps one entry per fitting node and per placement seen since. */
export class Candidates {
  readonly #group: PendingGroup;
  readonly #herdUid: string;
  readonly #nodes: readonly Candidate[];
  /** Indices of nodes in the order in which they were placed on, shared by all classes. */
  readonly #changes: readonly number[];
  readonly #heap: Entry[] = [];
  #seen: number;
  #explained: Omit<Unplaced, 'group'> | undefined;

  constructor(group: PendingGroup, herdUid: string, nodes: readonly Candidate[], changes: readonly number[]) {
    this.#group = group;
    this.#herdUid = herdUid;
    this.#nodes = nodes;
    this.#changes = changes;
    this.#seen = changes.length;
    for (let index = 0; index < nodes.length; index++) this.#offer(index);
  }

  /** The best node for the next group of the class. */
  best(): { readonly index: number; readonly score: number } | undefined {
    if (this.#seen < this.#changes.length) this.#explained = undefined;
    for (; this.#seen < this.#changes.length; this.#seen++) this.#offer(this.#changes[this.#seen] ?? 0);
    for (let top = this.#heap[0]; top !== undefined; top = this.#heap[0]) {
      // A node that changed was offered again above, if it still fits.
      if (this.#nodes[top.index]?.version === top.version) return top;
      this.#pop();
    }
    return undefined;
  }

  /** Why no node can take a group of the class; to be asked when `best` found none. */
  explain(): Omit<Unplaced, 'group'> {
    this.#explained ??= this.#explain();
    return this.#explained;
  }

  #explain(): Omit<Unplaced, 'group'> {
    const { needs } = this.#group;
    const misfits = new Map<string, Misfit>();
    let cause: Unplaced['cause'] = 'blocked';
    for (const node of this.#nodes) {
      const misfit = misfitOf(this.#group, node, this.#herdUid);
      if (misfit === undefined) continue;
      misfits.set(node.state.name, misfit);
      if (misfit.why !== 'short') continue;
      if (dimensions.every((dimension) => needs[dimension] <= node.state.capacity[dimension])) cause = 'busy';
      else if (cause === 'blocked') cause = 'never';
    }
    return { cause, message: explainNodes(this.#group, misfits) };
  }

  #offer(index: number): void {
    const node = this.#nodes[index];
    if (node === undefined || misfitOf(this.#group, node, this.#herdUid) !== undefined) return;
    const entry = { index, score: scoreOf(this.#group.needs, node), version: node.version };
    const heap = this.#heap;
    let hole = heap.push(entry) - 1;
    while (hole > 0) {
      const parent = (hole - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || !this.#isBetter(entry, above)) break;
      heap[hole] = above;
      hole = parent;
    }
    heap[hole] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let hole = 0;
    for (;;) {
      let child = 2 * hole + 1;
      const [left, right] = [heap[child], heap[child + 1]];
      if (left === undefined) break;
      if (right !== undefined && this.#isBetter(right, left)) child++;
      const below = heap[child];
      if (below === undefined || !this.#isBetter(below, last)) break;
      heap[hole] = below;
      hole = child;
    }
    heap[hole] = last;
  }

  /** Less score, then less tie, then the earlier node: a total order, so that the heap's shape has no say. */
  #isBetter(a: Entry, b: Entry): boolean {
    if (a.score !== b.score) return a.score < b.score;
    const [tieA, tieB] = [this.#nodes[a.index]?.tie ?? 0, this.#nodes[b.index]?.tie ?? 0];
    return tieA !== tieB ? tieA < tieB : a.index < b.index;
  }
}

/** The first reason why `node` cannot take the group, or undefined. */
function misfitOf(group: PendingGroup, node: Candidate, herdUid: string): Misfit | undefined {
  const { state, used } = node;
  if (group.pinnedNode !== undefined && group.pinnedNode !== state.name) return other('without the rest of its group');
  if (!state.isReady) return other('not ready');
  if (state.isCordoned) return other('unschedulable');
  if (state.isTainted) return other('tainted');
  for (const { name, isWritten } of group.volumes) {
    // A herd's own volume hides the common one of its name, as the agent has it.
    const access = node.access.get(`${herdUid}/${name}`) ?? node.access.get(name);
    if (access === undefined) return other(`without volume ${name}`);
    if (isWritten && access === 'ro') return other(`with volume ${name} read-only`);
  }
  for (const dimension of dimensions) {
    const free = state.capacity[dimension] - used[dimension];
    if (group.needs[dimension] > free) return { why: 'short', of: dimension, by: group.needs[dimension] - free };
  }
  return undefined;
}

const other = (text: string): Misfit => ({ why: 'other', text });

/** How a node offers its volumes: entries are NAME or NAME:rw, to one herd as HERDUID/NAME. */
export function accessOf(volumes: readonly string[]): ReadonlyMap<string, 'ro' | 'rw'> {
  const access = new Map<string, 'ro' | 'rw'>();
  for (const entry of volumes) {
    const bare = entry.replace(/:r[ow]$/, '');
    if (entry.endsWith(':rw') || !access.has(bare)) access.set(bare, entry.endsWith(':rw') ? 'rw' : 'ro');
  }
  return access;
}

function scoreOf(needs: Amounts, { state: { capacity }, used }: Candidate): number {
  const left = (dimension: 'cpuMillis' | 'memoryBytes'): number => {
    const free = capacity[dimension] - used[dimension] - needs[dimension];
    return capacity[dimension] === 0 ? 0 : Math.floor((free * 1000) / capacity[dimension]);
  };
  return left('cpuMillis') + left('memoryBytes');
}
