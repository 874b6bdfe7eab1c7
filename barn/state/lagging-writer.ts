import type { Clock, Timer } from '../../base/index.ts';
import { BarnError, type Revision } from '../barn.ts';
import type { Snapshot } from '../raft/protocol.ts';
import { storageFault } from '../storage-fault.ts';
import type { Disk, DiskWrite } from './disk.ts';

/** When the state is written, and how far the disk may stay behind. Times in milliseconds. */
export interface WriterTimers {
  /** A batch starts so long after the first thing in it was applied. */
  readonly batchMs: number;
  /** Or as soon as it has so many operations. */
  readonly batchOperations: number;
  /** A batch is synced so long after the last synced one. */
  readonly syncMs: number;
  /** Or when so many bytes were written since. */
  readonly syncBytes: number;
  /** More waiting for the disk: `room` asks those who apply to wait. */
  readonly lagBytesMax: number;
  /** So many dropped versions are deleted, or records sealed anew, with one batch; the others wait for the next. */
  readonly choresPerBatch: number;
  /** Records are sealed anew until a batch has so many bytes of them. */
  readonly backlogBytesPerBatch: number;
}

/** The product's settings. */
export const defaultWriterTimers: WriterTimers = {
  batchMs: 20,
  batchOperations: 4_000,
  syncMs: 5_000,
  syncBytes: 16 * 1024 * 1024,
  lagBytesMax: 64 * 1024 * 1024,
  choresPerBatch: 1_000,
  backlogBytesPerBatch: 1024 * 1024,
};

/** What the state is at the moment: the record that says so, and what a synced batch with it makes durable. */
export interface HeadNow {
  readonly write: DiskWrite;
  readonly applied: Snapshot;
  readonly revision: Revision;
}

/** Who owns the writer. */
export interface WriterOwner {
  /** Asked when a batch starts, with all that was given before. */
  head(): HeadNow;
  /** A batch is on disk, synced or not: all up to the head that it was given can be read there. */
  written(head: HeadNow): void;
  durable(applied: Snapshot): void;
  failed(error: BarnError): void;
}

/** What an operation costs beside its value, roughly, while it waits. */
const operationBytes = 200;

/**
 * Writes the state behind its back: one atomic batch at a time holds all that was applied since the last one, and the head
 * that fits. Chores, such as deleting dropped versions, come after everything that was given before them, in their order.
 */
export class LaggingWriter {
  readonly #disk: Disk;
  readonly #clock: Clock;
  readonly #timers: WriterTimers;
  readonly #owner: WriterOwner;
  #waiting: DiskWrite[] = [];
  #waitingBytes = 0;
  #firstAtMs = 0;
  #dirty = false;
  readonly #chores: (() => DiskWrite | undefined)[] = [];
  #backlog: Backlog | undefined;
  #inFlight: Promise<void> | undefined;
  #inFlightBytes = 0;
  #unsyncedBytes = 0;
  #unsynced = false;
  #syncedAtMs: number;
  #timer: Timer | undefined;
  #timerAtMs = 0;
  #room: Deferred | undefined;
  /** A synced batch is due now, for those who wait for it. */
  #syncWanted: Deferred | undefined;
  #failed: BarnError | undefined;
  #closing = false;

  constructor(options: {
    readonly disk: Disk;
    readonly clock: Clock;
    readonly timers: WriterTimers;
    readonly owner: WriterOwner;
  }) {
    this.#disk = options.disk;
    this.#clock = options.clock;
    this.#timers = options.timers;
    this.#owner = options.owner;
    this.#syncedAtMs = options.clock.monotonicMs();
  }

  /** What comes with the next batch; `kick` follows when the state is whole again. */
  add(write: DiskWrite): void {
    this.#waiting.push(write);
    this.#waitingBytes += operationBytes + (write.type === 'put' ? write.value.byteLength : 0);
  }

  /** What may be done when there is time, after all that was added so far, in its order; asked for then. */
  later(chore: () => DiskWrite | undefined): void {
    this.#chores.push(chore);
  }

  /** Chores that wait for a batch. */
  get choresLeft(): number {
    return this.#chores.length;
  }

  /**
   * What is to be written as there is time, in the place of an earlier one; asked for batch by batch, after the chores. Resolves
   * with true when all of it is on its way in order, with false when it was dropped.
   */
  setBacklog(writes: Iterator<DiskWrite | undefined>): Promise<boolean> {
    this.dropBacklog();
    const done = new Promise<boolean>((resolve) => (this.#backlog = { writes, resolve }));
    if (this.#failed !== undefined || this.#closing) this.dropBacklog();
    this.#schedule();
    return done;
  }

  /** Resolves when all that was given before is on disk, synced. Errors: Storage, Closed. */
  flushed(): Promise<void> {
    if (this.#failed !== undefined) return Promise.reject(this.#failed);
    if (this.#closing) return Promise.reject(new BarnError('Closed', 'the store is closed'));
    this.#syncWanted ??= deferred();
    const { promise } = this.#syncWanted;
    this.kick();
    return promise;
  }

  /** Something changed, the head at least: it goes to disk in time. */
  kick(): void {
    if (!this.#dirty) this.#firstAtMs = this.#clock.monotonicMs();
    this.#dirty = true;
    this.#schedule();
  }

  /** Undefined unless too much waits for the disk: then resolves when it does no more. */
  room(): Promise<void> | undefined {
    if (this.#failed !== undefined) return Promise.reject(this.#failed);
    if (this.#waitingBytes + this.#inFlightBytes < this.#timers.lagBytesMax) return undefined;
    this.#room ??= deferred();
    return this.#room.promise;
  }

  /** Forgets what waits, since the state is another one now. Resolves when a synced batch holds its head. Errors: Storage. */
  replaced(): Promise<void> {
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#chores.length = 0;
    this.dropBacklog();
    return this.flushed();
  }

  /** Writes and syncs all there is. Called last. Errors: Storage when that fails; what failed before was told then. */
  async close(): Promise<void> {
    this.#closing = true;
    this.#timer?.cancel();
    this.dropBacklog();
    await this.#inFlight;
    if (this.#failed !== undefined || !(this.#dirty || this.#unsynced)) return;
    this.#startBatch(true);
    await this.#inFlight;
    this.#throwIfFailed();
  }

  /** The disk refused, here or elsewhere: nothing is written any more. */
  fail(cause: unknown): void {
    if (this.#failed !== undefined) return;
    this.#inFlight = undefined;
    this.#inFlightBytes = 0;
    const error = storageFault('write the state', cause);
    this.#failed = error;
    this.#timer?.cancel();
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#chores.length = 0;
    this.dropBacklog();
    this.#room?.reject(error);
    this.#room = undefined;
    this.#syncWanted?.reject(error);
    this.#syncWanted = undefined;
    this.#owner.failed(error);
  }

  /** Starts a batch if one is due, else sees to it that one starts in time. */
  #schedule(): void {
    if (this.#inFlight !== undefined || this.#closing || this.#failed !== undefined) return;
    const dueMs = this.#dueMs();
    if (dueMs === undefined) return;
    const now = this.#clock.monotonicMs();
    if (dueMs <= now) return this.#startBatch(now - this.#syncedAtMs >= this.#timers.syncMs);
    if (this.#timer !== undefined && this.#timerAtMs <= dueMs) return;
    this.#timer?.cancel();
    this.#timerAtMs = dueMs;
    this.#timer = this.#clock.after(
      dueMs - now,
      () => {
        this.#timer = undefined;
        this.#schedule();
      },
      { unref: true },
    );
  }

  #throwIfFailed(): void {
    if (this.#failed !== undefined) throw this.#failed;
  }

  #dueMs(): number | undefined {
    if (this.#waiting.length >= this.#timers.batchOperations || this.#syncWanted !== undefined) return 0;
    if (this.#dirty) return this.#firstAtMs + this.#timers.batchMs;
    if (this.#chores.length > 0 || this.#backlog !== undefined) return this.#clock.monotonicMs();
    return this.#unsynced ? this.#syncedAtMs + this.#timers.syncMs : undefined;
  }

  #startBatch(syncDue: boolean): void {
    const head = this.#owner.head();
    const writes = this.#waiting;
    let bytes = this.#waitingBytes + operationBytes;
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#dirty = false;
    for (const chore of this.#chores.splice(0, this.#timers.choresPerBatch)) {
      const write = chore();
      if (write !== undefined) writes.push(write);
    }
    bytes += this.#takeBacklog(writes);
    writes.push(head.write);
    const wanted = this.#syncWanted;
    this.#syncWanted = undefined;
    const sync = syncDue || wanted !== undefined || this.#unsyncedBytes + bytes >= this.#timers.syncBytes;
    this.#inFlightBytes = bytes;
    this.#inFlight = this.#disk.write(writes, { sync }).then(
      () => {
        this.#written(bytes, sync, head);
        wanted?.resolve();
      },
      (cause: unknown) => {
        this.fail(cause);
        if (this.#failed !== undefined) wanted?.reject(this.#failed);
      },
    );
  }

  /** Adds what fits into a batch once no chore waits: what the backlog left out may be deleted by one. Returns its bytes. */
  #takeBacklog(writes: DiskWrite[]): number {
    if (this.#chores.length > 0) return 0;
    const { choresPerBatch, backlogBytesPerBatch } = this.#timers;
    let bytes = 0;
    for (let count = 0; count < choresPerBatch && bytes < backlogBytesPerBatch; count++) {
      const next = this.#backlog?.writes.next();
      if (next === undefined) break;
      if (next.done === true) {
        this.#backlog?.resolve(true);
        this.#backlog = undefined;
        break;
      }
      if (next.value === undefined) continue;
      writes.push(next.value);
      bytes += operationBytes + (next.value.type === 'put' ? next.value.value.byteLength : 0);
    }
    return bytes;
  }

  /** What is left of the backlog is not wanted any more. */
  dropBacklog(): void {
    this.#backlog?.resolve(false);
    this.#backlog = undefined;
  }

  #written(bytes: number, sync: boolean, head: HeadNow): void {
    const { applied } = head;
    this.#inFlight = undefined;
    this.#inFlightBytes = 0;
    this.#unsynced = !sync;
    this.#unsyncedBytes = sync ? 0 : this.#unsyncedBytes + bytes;
    if (sync) this.#syncedAtMs = this.#clock.monotonicMs();
    if (this.#waitingBytes < this.#timers.lagBytesMax) {
      this.#room?.resolve();
      this.#room = undefined;
    }
    this.#owner.written(head);
    if (sync) this.#owner.durable(applied);
    this.#schedule();
  }
}

interface Backlog {
  readonly writes: Iterator<DiskWrite | undefined>;
  resolve(isAllTaken: boolean): void;
}

interface Deferred {
  readonly promise: Promise<void>;
  resolve(): void;
  reject(error: BarnError): void;
}

function deferred(): Deferred {
  let resolve: () => void = () => {};
  let reject: (error: BarnError) => void = () => {};
  const promise = new Promise<void>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  // Whoever waits hears of a failure; nobody need.
  promise.catch(() => {});
  return { promise, resolve, reject };
}
