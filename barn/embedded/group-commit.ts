import type { Log } from '../../base/index.ts';
import { BarnError, type BarnEvent, type Key, type KeyValue, type Revision, type TxnResult } from '../barn.ts';
import type { Disk, DiskWrite } from '../state/disk.ts';
import type { Committer } from '../state/local-barn.ts';
import type { PlacedVersion, State } from '../state/state.ts';
import type { Store } from '../state/store.ts';
import { decideTxn, isLive, type LatestView, type TxnRequest } from '../state/transaction.ts';
import { numberWrite, recordKey, recordWrites } from './layout.ts';

/** One atomic write holds at most so many requests and, but for the first, value bytes; the rest waits for the next. */
const groupRequestsMax = 4_096;
const groupBytesMax = 8 * 1024 * 1024;
const sweepVersionsPerWrite = 1_000;

type Waiting =
  | {
      readonly kind: 'txn';
      readonly request: TxnRequest;
      readonly bytes: number;
      readonly resolve: (result: TxnResult) => void;
      readonly reject: (error: unknown) => void;
    }
  | {
      readonly kind: 'compact';
      readonly revision: Revision;
      readonly bytes: 0;
      readonly resolve: () => void;
      readonly reject: (error: unknown) => void;
    };

/**
 * Durable commits by group: while one synced write is under way, all that comes in waits and makes the next. A group is
 * decided on what is on disk and on its own earlier members, written, and only then applied, told and answered.
 */
export class GroupCommitter implements Committer {
  readonly #store: Store;
  readonly #disk: Disk;
  readonly #log: Log;
  readonly #onFailed: (error: BarnError) => void;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #sweep: PlacedVersion[];
  #running: Promise<void> | undefined;
  #closing = false;
  #failed: BarnError | undefined;

  constructor(options: {
    readonly store: Store;
    readonly disk: Disk;
    readonly log: Log;
    /** Versions to delete from disk. */
    readonly stale: readonly PlacedVersion[];
    /** A write failed: everything that waits has got the error, and nothing will be written any more. */
    readonly onFailed: (error: BarnError) => void;
  }) {
    this.#store = options.store;
    this.#disk = options.disk;
    this.#log = options.log;
    this.#sweep = [...options.stale];
    this.#onFailed = options.onFailed;
    if (this.#sweep.length > 0) this.#start();
  }

  txn(request: TxnRequest): Promise<TxnResult> {
    const { waitingTxnsMax, waitingBytesMax } = this.#store.limits;
    const bytes = valueBytes(request);
    if (this.#waiting.length >= waitingTxnsMax || this.#waitingBytes + bytes > waitingBytesMax) {
      const message = `${this.#waiting.length} transactions with ${this.#waitingBytes} bytes wait for the disk: try again later`;
      return Promise.reject(new BarnError('Overloaded', message));
    }
    return new Promise((resolve, reject) => this.#add({ kind: 'txn', request, bytes, resolve, reject }));
  }

  compact(revision: Revision): Promise<void> {
    return new Promise((resolve, reject) => this.#add({ kind: 'compact', revision, bytes: 0, resolve, reject }));
  }

  sizeBytes(): Promise<number> {
    return this.#disk.sizeBytes();
  }

  async close(): Promise<void> {
    this.#closing = true;
    await this.#running;
    await this.#disk.close();
  }

  #add(waiting: Waiting): void {
    if (this.#failed !== undefined) return waiting.reject(this.#failed);
    this.#waiting.push(waiting);
    this.#waitingBytes += waiting.bytes;
    this.#start();
  }

  #start(): void {
    this.#running ??= this.#run();
  }

  async #run(): Promise<void> {
    // The rest of this turn's transactions come along in the first group.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#waiting.length > 0 || (this.#sweep.length > 0 && !this.#closing)) {
      await this.#commit(this.#takeGroup());
      if (this.#failed !== undefined) break;
      this.#compactWhenDue();
    }
    // Here, not when the promise settles: what comes in between would wait for a loop that has ended.
    this.#running = undefined;
  }

  #takeGroup(): readonly Waiting[] {
    let bytes = 0;
    let length = 0;
    for (const waiting of this.#waiting) {
      bytes += waiting.bytes;
      if (length === groupRequestsMax || (length > 0 && bytes > groupBytesMax)) break;
      length++;
    }
    const group = this.#waiting.splice(0, length);
    for (const waiting of group) this.#waitingBytes -= waiting.bytes;
    return group;
  }

  async #commit(group: readonly Waiting[]): Promise<void> {
    const staged = new StagedView(this.#store.state);
    const writes: DiskWrite[] = [];
    const outcomes = group.map((waiting) => stage(waiting, staged, writes));
    if (staged.revision > this.#store.state.revision) writes.push(numberWrite('head', staged.revision));
    // In the order they were dropped and synced: if a deletion's record went before the version it hides, the key would come back.
    const swept = this.#sweep.slice(0, sweepVersionsPerWrite);
    for (const { kv } of swept) writes.push({ type: 'del', key: recordKey(kv.modRevision, kv.key) });
    try {
      if (writes.length > 0) await this.#disk.write(writes, { sync: true });
    } catch (cause) {
      return this.#fail(group, cause);
    }
    this.#sweep.splice(0, swept.length);
    for (const settle of outcomes) settle(this.#store, this.#sweep);
  }

  #fail(group: readonly Waiting[], cause: unknown): void {
    const error = new BarnError(
      'Storage',
      'write to the store: the disk refused, and what was under way may or may not be on it; the store has ended, restart it',
      { cause },
    );
    this.#failed = error;
    const waiting = [...group, ...this.#waiting];
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#sweep = [];
    for (const { reject } of waiting) reject(error);
    this.#onFailed(error);
  }

  #compactWhenDue(): void {
    const due = this.#store.compactionDue();
    if (due === undefined || this.#waiting.some(({ kind }) => kind === 'compact')) return;
    this.#log.info('history compacted at its bound', { compactRevision: due });
    // Refused only when the store ends, and then everybody else hears of it.
    this.compact(due).catch(() => {});
  }
}

/** The state on disk with what the group so far adds to it. */
class StagedView implements LatestView {
  readonly #state: State;
  readonly #added = new Map<Key, KeyValue>();
  revision: Revision;
  compactRevision: Revision;

  constructor(state: State) {
    this.#state = state;
    this.revision = state.revision;
    this.compactRevision = state.compactRevision;
  }

  get(key: Key): KeyValue | undefined {
    const added = this.#added.get(key);
    if (added === undefined) return this.#state.get(key);
    return isLive(added) ? added : undefined;
  }

  add(events: readonly BarnEvent[]): void {
    this.revision++;
    for (const { kv } of events) this.#added.set(kv.key, kv);
  }
}

/** Decides one request, adds its writes, and gives back what to do once they are durable. */
function stage(
  waiting: Waiting,
  staged: StagedView,
  writes: DiskWrite[],
): (store: Store, sweep: PlacedVersion[]) => void {
  if (waiting.kind === 'compact') {
    const { revision, resolve } = waiting;
    if (revision > staged.compactRevision) {
      staged.compactRevision = revision;
      writes.push(numberWrite('compact', revision));
    }
    return (store, sweep) => {
      for (const dropped of store.compact(revision)) sweep.push(dropped);
      resolve();
    };
  }
  const { result, events } = decideTxn(staged, waiting.request);
  if (events.length > 0) {
    staged.add(events);
    for (const write of recordWrites(result.revision, events)) writes.push(write);
  }
  return (store) => {
    store.apply(events);
    waiting.resolve(result);
  };
}

function valueBytes({ success, failure }: TxnRequest): number {
  let bytes = 0;
  for (const operations of [success, failure]) {
    for (const operation of operations) if (operation.do === 'put') bytes += operation.value.byteLength;
  }
  return bytes;
}
