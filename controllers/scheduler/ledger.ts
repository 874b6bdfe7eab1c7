// Who uses what: exact, since one scheduler binds. It holds one entry per slice that is bound and not ended.
import type { Slice } from '../../apis/index.ts';
import { isEnded } from '../kit/index.ts';
import { type Amounts, add, noAmounts } from './model.ts';

interface Entry {
  readonly node: string;
  readonly herd: string;
  readonly amounts: Amounts;
}

/** What bound slices use of each node and herd; exact, since one scheduler binds. */
export class Ledger {
  readonly #entries = new Map<string, Entry>();
  readonly #nodes = new Map<string, Amounts>();
  readonly #herds = new Map<string, Amounts>();

  /** Takes note of a slice as seen. An unbound one changes nothing: bindings are noted when made, and none is undone. */
  observe(slice: Slice): void {
    const { nodeName } = slice.spec;
    if (nodeName === undefined) return;
    if (isEnded(slice)) this.forget(slice);
    else this.bind(slice, nodeName);
  }

  /** The slice is on `node` from now on. */
  bind(slice: Slice, node: string): void {
    this.forget(slice);
    const entry = { node, herd: slice.metadata.namespace ?? '', amounts: amountsOf(slice) };
    this.#entries.set(uidOf(slice), entry);
    this.#change(entry, 1);
  }

  /** The slice uses nothing any more. */
  forget(slice: Slice): void {
    const entry = this.#entries.get(uidOf(slice));
    if (entry === undefined) return;
    this.#entries.delete(uidOf(slice));
    this.#change(entry, -1);
  }

  /** The node a slice is on, also when the cache does not show it yet. */
  nodeOf(slice: Slice): string | undefined {
    return this.#entries.get(uidOf(slice))?.node;
  }

  usedOfNode(name: string): Amounts {
    return this.#nodes.get(name) ?? noAmounts;
  }

  usedOfHerd(name: string): Amounts {
    return this.#herds.get(name) ?? noAmounts;
  }

  #change({ node, herd, amounts }: Entry, sign: 1 | -1): void {
    for (const [map, key] of [
      [this.#nodes, node],
      [this.#herds, herd],
    ] as const) {
      const next = add(map.get(key) ?? noAmounts, amounts, sign);
      if (next.slices === 0) map.delete(key);
      else map.set(key, next);
    }
  }
}

/** What a slice takes of its node. */
export function amountsOf({ spec }: Slice): Amounts {
  return {
    cpuMillis: spec.cpuMillis ?? 0,
    memoryBytes: spec.memoryBytes ?? 0,
    pids: spec.pids ?? 0,
    slices: 1,
  };
}

const uidOf = ({ metadata }: Slice): string => metadata.uid ?? '';
