import { assert } from '../../base/index.ts';
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
} from '../barn.ts';
import { checkRange, checkTxn } from '../limits.ts';
import { emptyHead, headNumbers } from './head.ts';
import { encodeSnapshot } from './snapshot.ts';
import type { Store } from './store.ts';
import type { TxnRequest } from './transaction.ts';

/** How changes get into the store: this is where the twins differ. Requests are checked and owned. */
export interface Committer {
  /** Decides, makes it as durable as the twin is, applies, answers; in the order of the calls. */
  txn(request: TxnRequest): Promise<TxnResult>;
  /** In order with the transactions. The revision is not in the future of those that were acknowledged. */
  compact(revision: Revision): Promise<void>;
  sizeBytes(): Promise<number>;
  /** Finishes what was asked for before, then gives everything back. Called once. */
  close(): Promise<void>;
}

/** A Barn of one member that answers from the state in this process. */
export class LocalBarn implements Barn {
  readonly #name: string;
  readonly #store: Store;
  readonly #committer: Committer;
  #ended: BarnError | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: { readonly name: string; readonly store: Store; readonly committer: Committer }) {
    this.#name = options.name;
    this.#store = options.store;
    this.#committer = options.committer;
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
    return this.#committer.txn({
      compares: compares.map((compare) =>
        compare.target === 'value' ? { ...compare, value: copyOf(compare.value) } : compare,
      ),
      success: success.map(owned),
      failure: failure.map(owned),
    });
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
    if (revision > this.#store.state.revision) throw this.#store.state.futureRevision(revision);
    await this.#committer.compact(revision);
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
      sizeBytes: await this.#committer.sizeBytes(),
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

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** Refuses everything from now on with `error` and ends all watches with it. */
  end(error: BarnError): void {
    if (this.#ended !== undefined) return;
    this.#ended = error;
    this.#store.hub.close(error);
  }

  async #close(): Promise<void> {
    this.#ended ??= new BarnError('Closed', `the store of member ${this.#name} is closed`);
    const ended = this.#ended;
    try {
      await this.#committer.close();
    } finally {
      this.#store.hub.close(ended);
    }
  }

  #open(): void {
    if (this.#ended !== undefined) throw this.#ended;
  }
}

function owned(operation: Operation): Operation {
  return operation.do === 'put' ? { ...operation, value: copyOf(operation.value) } : operation;
}

/** A copy of its own memory (Buffer.slice would share it). */
function copyOf(value: Uint8Array): Uint8Array {
  return new Uint8Array(value);
}

function assertWhole(number: number, what: string): void {
  assert(Number.isSafeInteger(number) && number >= 0, `a ${what} is a whole number from 0 on, not ${number}`);
}
