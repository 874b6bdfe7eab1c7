import { assert, type Clock, systemClock } from '../base/index.ts';
import {
  type Barn,
  BarnError,
  type Compare,
  type Key,
  type Member,
  type MemberStatus,
  type Operation,
  type RangeOptions,
  type RangeResult,
  type Revision,
  type TxnResult,
  type WatchBatch,
  type WatchOptions,
} from './barn.ts';
import { assertWhole, type BarnLimits, checkRange, checkTxn, defaultLimits } from './limits.ts';
import { emptyHead, headNumbers } from './state/head.ts';
import { encodeSnapshot } from './state/snapshot.ts';
import { State } from './state/state.ts';
import { Store } from './state/store.ts';
import { copyOf, decideTxn } from './state/transaction.ts';
import { isWholeTxn } from './state/version.ts';

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
  return new MemoryBarn(options.name ?? 'memory', store);
}

/** A transaction is decided and applied in the call that brings it. */
class MemoryBarn implements Barn {
  readonly #name: string;
  readonly #store: Store;
  #closed: BarnError | undefined;

  constructor(name: string, store: Store) {
    this.#name = name;
    this.#store = store;
  }

  async range(start: Key, end?: Key, options: RangeOptions = {}): Promise<RangeResult> {
    this.#open();
    checkRange(start, end, this.#store.limits);
    assertWhole(options.revision ?? 0, 'revision');
    assertWhole(options.limit ?? 0, 'limit');
    return this.#store.state.range(start, end, options);
  }

  async txn(
    compares: readonly Compare[],
    success: readonly Operation[],
    failure: readonly Operation[] = [],
  ): Promise<TxnResult> {
    this.#open();
    checkTxn(compares, [success, failure], this.#store.limits);
    const { result, events } = decideTxn(this.#store.state, { compares, success, failure }, copyOf);
    assert(isWholeTxn(result), 'a store without a disk has all values in memory');
    this.#store.apply(events);
    const due = this.#store.compactionDue();
    if (due !== undefined) this.#store.compact(due);
    return result;
  }

  async watch(
    start: Key,
    end: Key | undefined,
    fromRevision: Revision,
    options: WatchOptions = {},
  ): Promise<AsyncIterableIterator<WatchBatch>> {
    this.#open();
    checkRange(start, end, this.#store.limits);
    assertWhole(fromRevision, 'revision');
    return this.#store.hub.open(start, end, fromRevision, options);
  }

  async readIndex(): Promise<Revision> {
    this.#open();
    return this.#store.state.revision;
  }

  async compact(revision: Revision): Promise<void> {
    this.#open();
    assertWhole(revision, 'revision');
    this.#store.compact(revision);
  }

  async members(): Promise<readonly Member[]> {
    this.#open();
    return [{ id: 1, name: this.#name, peerUrl: '', clientUrl: '', voter: true }];
  }

  async status(): Promise<MemberStatus> {
    this.#open();
    const { revision, compactRevision } = this.#store.state;
    return {
      name: this.#name,
      revision,
      compactRevision,
      leader: this.#name,
      sizeBytes: this.#store.state.bytes,
      hash: this.#store.state.hash,
      alarms: [],
    };
  }

  async *snapshot(signal?: AbortSignal): AsyncIterable<Uint8Array> {
    this.#open();
    const { state } = this.#store;
    const head = { ...emptyHead, ...headNumbers(state) };
    yield* encodeSnapshot({ head, old: state.oldVersions(), entries: state.log.entries() }, signal);
  }

  async close(): Promise<void> {
    if (this.#closed !== undefined) return;
    this.#closed = new BarnError('Closed', `the store of member ${this.#name} is closed`);
    this.#store.hub.close(this.#closed);
  }

  #open(): void {
    if (this.#closed !== undefined) throw this.#closed;
  }
}
