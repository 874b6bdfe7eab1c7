import { type Clock, systemClock } from '../base/index.ts';
import type { Barn, Revision, TxnResult } from './barn.ts';
import { type BarnLimits, defaultLimits } from './limits.ts';
import { type Committer, LocalBarn } from './state/local-barn.ts';
import { State } from './state/state.ts';
import { Store } from './state/store.ts';
import { decideTxn, type TxnRequest } from './state/transaction.ts';

/** What a memory store may be given; nothing is needed. */
export interface MemoryBarnOptions {
  /** The member's name; `memory` if absent. */
  readonly name?: string;
  readonly clock?: Clock;
  readonly limits?: Partial<BarnLimits>;
}

/** A Barn that lives as long as the process: for tests, and wherever nothing need last. */
export function createMemoryBarn(options: MemoryBarnOptions = {}): Barn {
  const limits = { ...defaultLimits, ...options.limits };
  const store = new Store({ state: new State(), clock: options.clock ?? systemClock, limits });
  return new LocalBarn({ name: options.name ?? 'memory', store, committer: new MemoryCommitter(store) });
}

/** A transaction is decided and applied in the call that brings it. */
class MemoryCommitter implements Committer {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  async txn(request: TxnRequest): Promise<TxnResult> {
    const { result, events } = decideTxn(this.#store.state, request);
    this.#store.apply(events);
    const due = this.#store.compactionDue();
    if (due !== undefined) this.#store.compact(due);
    return result;
  }

  async compact(revision: Revision): Promise<void> {
    this.#store.compact(revision);
  }

  async sizeBytes(): Promise<number> {
    return this.#store.state.bytes;
  }

  async close(): Promise<void> {}
}
