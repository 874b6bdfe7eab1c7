// What the scheduler decides on and what it decides: plain data, integers only.

/** What slices take of a node and nodes have: all integers. */
export interface Amounts {
  readonly cpuMillis: number;
  readonly memoryBytes: number;
  readonly pids: number;
  readonly slices: number;
}

/** A node as the scheduler sees it. */
export interface NodeState {
  readonly name: string;
  readonly isReady: boolean;
  /** spec.unschedulable. */
  readonly isCordoned: boolean;
  /** Has a taint that keeps slices away. */
  readonly isTainted: boolean;
  readonly capacity: Amounts;
  readonly used: Amounts;
  /** As in Node.status.volumes. */
  readonly volumes: readonly string[];
}

/** A herd as the scheduler sees it. */
export interface HerdState {
  readonly name: string;
  readonly uid: string;
  readonly isTerminating: boolean;
  /** The most its slices may use together; what is absent is not limited. */
  readonly quota: Partial<Amounts>;
  readonly used: Amounts;
  /** Volumes it may use; absent: all. */
  readonly volumes?: readonly string[];
}

/** A volume that a node must offer. */
export interface VolumeNeed {
  readonly name: string;
  readonly isWritten: boolean;
}

/** Slices that are placed together on one node, or not at all. */
export interface PendingGroup {
  readonly key: string;
  readonly herd: string;
  /** Unbound slices of it. */
  readonly slices: readonly string[];
  /** What they need together. */
  readonly needs: Amounts;
  readonly volumes: readonly VolumeNeed[];
  /** The node that other slices of the group are on already. */
  readonly pinnedNode?: string;
}

/** Everything that a round of scheduling looks at, at one moment. */
export interface Snapshot {
  readonly nodes: readonly NodeState[];
  readonly herds: readonly HerdState[];
}

/** How one node is preferred to another. */
export interface Policy {
  /** bestFit leaves the least free on the node it takes, so that large groups find room elsewhere. */
  readonly score: 'bestFit';
}

/** A group that is to be bound to a node. */
export interface Decision {
  readonly group: string;
  readonly node: string;
  readonly slices: readonly string[];
  /** Thousandths of cpu and memory that stay free, added; less is better. */
  readonly score: number;
}

/** A group that fits nowhere now, and why. */
export interface Unplaced {
  readonly group: string;
  /**
   * busy: it fits when others end. never: it would not fit on any usable node if that were empty, or its herd forbids it.
   * blocked: there is no usable node.
   */
  readonly cause: 'busy' | 'blocked' | 'never';
  readonly message: string;
}

/** What a round of scheduling came to. */
export interface Schedule {
  readonly decisions: readonly Decision[];
  readonly unplaced: readonly Unplaced[];
  /** SHA-256 of everything that went in and of what came out: a replay that differs was not the same. */
  readonly inputHash: string;
  readonly outputHash: string;
}

/** The names of amounts in the order in which they are checked and told. */
export const dimensions = ['cpuMillis', 'memoryBytes', 'pids', 'slices'] as const satisfies readonly (keyof Amounts)[];

/** What amounts are counted in, and none of it. */
export type Dimension = (typeof dimensions)[number];

/** Nothing of anything. */
export const noAmounts: Amounts = { cpuMillis: 0, memoryBytes: 0, pids: 0, slices: 0 };

/** a + sign × b. */
export function add(a: Amounts, b: Amounts, sign: 1 | -1 = 1): Amounts {
  return {
    cpuMillis: a.cpuMillis + sign * b.cpuMillis,
    memoryBytes: a.memoryBytes + sign * b.memoryBytes,
    pids: a.pids + sign * b.pids,
    slices: a.slices + sign * b.slices,
  };
}
