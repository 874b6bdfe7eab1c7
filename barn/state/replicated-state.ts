import { assert, type Clock, type Log, unreachable } from '../../base/index.ts';
import { BarnError, type Revision, type ValueCounts } from '../barn.ts';
import { checkNeeded, type KeyRing, type StoreKeys } from '../keys.ts';
import type { BarnLimits } from '../limits.ts';
import type { Snapshot } from '../raft/protocol.ts';
import type { Sealer } from '../seal.ts';
import { decodeCommand } from './command.ts';
import type { Disk } from './disk.ts';
import type { DiskValues } from './disk-values.ts';
import { GroupBook } from './group-book.ts';
import { type Head, headNumbers } from './head.ts';
import type { KeyMark } from './key-marks.ts';
import { type HeadNow, LaggingWriter, type WriterTimers } from './lagging-writer.ts';
import { headWrite, otherSlot, recordKey, recordWrite, type Slot, slotPrefix } from './layout.ts';
import type { LoadedState } from './load.ts';
import type { Alarm, Command, CommittedEntry, MemberRecord, Outcome, StateMachine } from './machine.ts';
import { Resealing, type SealingState } from './resealing.ts';
import { encodeSnapshot, readSnapshot, versionRecords } from './snapshot.ts';
import { SnapshotCopy } from './snapshot-copy.ts';
import type { PlacedVersion, ValueRoom } from './state.ts';
import { Store } from './store.ts';
import { decideTxn, shared } from './transaction.ts';
import type { SnapshotContent } from './verify-snapshot.ts';
import { filledTxn, isWholeTxn } from './version.ts';

/** The state of one member on a disk that lags behind; `openStateMachine` makes it. */
export class ReplicatedState implements StateMachine {
  readonly store: Store;
  readonly sealer: Sealer;
  readonly #disk: Disk;
  readonly #log: Log;
  readonly #writer: LaggingWriter;
  readonly #resealing: Resealing;
  readonly #values: DiskValues;
  readonly #roomIn: (slot: Slot) => ValueRoom;
  readonly #durableListeners: ((durable: Snapshot) => void)[] = [];
  readonly #failedListeners: ((error: BarnError) => void)[] = [];
  #slot: Slot;
  #applied: Snapshot;
  #durable: Snapshot;
  #book: GroupBook;
  #restoredRevision: Revision;
  /** Set for good: the disk failed, an entry could not be read, or this member diverged. */
  #broken: BarnError | undefined;
  #installing = false;
  /** Something was deleted on disk since `reclaim`; at first nobody knows what an earlier life left. */
  #hasDeleted = true;
  /** The other slot holds nothing. */
  #cleared: Promise<void> = Promise.resolve();

  constructor(options: {
    readonly loaded: LoadedState;
    readonly disk: Disk;
    readonly ring: KeyRing;
    readonly sealer: Sealer;
    readonly marks: readonly KeyMark[];
    readonly clock: Clock;
    readonly log: Log;
    readonly limits: BarnLimits;
    readonly timers: WriterTimers;
    readonly values: DiskValues;
    readonly roomIn: (slot: Slot) => ValueRoom;
    readonly nextTurn?: () => Promise<void>;
  }) {
    const { loaded, disk, sealer, clock, log, timers } = options;
    const { head, slot, state, stale, outdated } = loaded;
    this.store = new Store({ ...options, state });
    this.#disk = disk;
    this.sealer = sealer;
    this.#log = log;
    this.#values = options.values;
    this.#roomIn = options.roomIn;
    this.#slot = slot;
    this.#applied = head.applied;
    this.#durable = head.applied;
    this.#book = new GroupBook(head);
    this.#restoredRevision = head.restoredRevision;
    this.#writer = new LaggingWriter({
      disk,
      clock,
      timers,
      owner: {
        head: () => this.#headNow(),
        written: ({ revision }) => this.store.state.written(revision),
        durable: (applied) => this.#setDurable(applied),
        failed: (error) => this.#fail(error),
      },
    });
    this.#values.onFailed = (error) => this.#writer.fail(error);
    this.#values.onViewClosed = () => (this.#hasDeleted = true);
    this.#resealing = new Resealing({ ...options, writer: this.#writer });
    this.#sweep(stale);
    if (stale.length > 0) this.#writer.kick();
    if (this.#resealing.isDue) this.#resealing.begin({ records: outdated, count: outdated.length, slot, state });
  }

  get applied(): Snapshot {
    return this.#applied;
  }

  get durable(): Snapshot {
    return this.#durable;
  }

  get members(): readonly MemberRecord[] {
    return this.#book.members;
  }

  get alarms(): readonly Alarm[] {
    return this.#book.alarms;
  }

  get noSpace(): BarnError | undefined {
    return this.#book.noSpace;
  }

  get hash(): number {
    return this.store.state.hash;
  }

  get format(): number {
    return this.#book.format;
  }

  get formatKnown(): number {
    return this.#book.formatKnown;
  }

  apply(entries: readonly CommittedEntry[]): readonly Outcome[] {
    if (this.#broken !== undefined) throw this.#broken;
    const outcomes: Outcome[] = [];
    try {
      for (const entry of entries) this.#applyEntry(entry, outcomes);
    } catch (error) {
      if (error instanceof BarnError) this.#broken = error;
      throw error;
    }
    // Only now: a batch holds whole entries and the head that fits.
    if (entries.length > 0) this.#writer.kick();
    return outcomes;
  }

  snapshot(signal?: AbortSignal): { readonly meta: Snapshot; readonly chunks: AsyncIterable<Uint8Array> } {
    if (this.#broken !== undefined) throw this.#broken;
    const { state } = this.store;
    const source = { head: this.#head(), old: state.oldVersions(), entries: state.log.entries() };
    const view = state.isWhole ? {} : { view: this.#values.view(this.#slot) };
    return { meta: this.#applied, chunks: encodeSnapshot({ ...source, ...view }, signal) };
  }

  async install(chunks: AsyncIterable<Uint8Array>, roomBytes = Number.POSITIVE_INFINITY): Promise<Snapshot> {
    if (this.#broken !== undefined) throw this.#broken;
    assert(!this.#installing, 'one snapshot is installed at a time');
    this.#installing = true;
    try {
      await this.#cleared;
      const slot = otherSlot(this.#slot);
      const copy = new SnapshotCopy({
        slot,
        disk: this.#disk,
        sealer: this.sealer,
        roomBytes,
        above: () => this.#applied.index,
        room: this.#roomIn(slot),
      });
      const content = await this.#readInto(copy, chunks);
      if (content !== undefined && content.head.applied.index > this.#applied.index)
        await this.#switchTo(slot, content);
      else this.#clear(slot);
      return this.#applied;
    } finally {
      this.#installing = false;
    }
  }

  compactionDue(): Revision | undefined {
    return this.store.compactionDue();
  }

  room(): Promise<void> | undefined {
    return this.#writer.room();
  }

  onDurable(listener: (durable: Snapshot) => void): void {
    this.#durableListeners.push(listener);
  }

  onFailed(listener: (error: BarnError) => void): void {
    this.#failedListeners.push(listener);
  }

  get sealing(): SealingState {
    return this.#resealing.state;
  }

  async useKeys(keys: StoreKeys): Promise<void> {
    if (this.#broken !== undefined) throw this.#broken;
    checkNeeded(keys, this.#resealing.state.keys, 'the state');
    try {
      await this.#resealing.pause();
      if (this.#installing)
        throw new BarnError('Overloaded', 'change the encryption keys: a snapshot is being installed; try again later');
      await this.#resealing.use(keys);
    } finally {
      this.#sealAnew();
    }
  }

  get values(): ValueCounts {
    return { memoryBytes: this.store.state.valueBytes, read: this.#values.read };
  }

  sizeBytes(): Promise<number> {
    return this.#disk.sizeBytes();
  }

  async reclaim(): Promise<boolean> {
    if (!this.#hasDeleted || this.#writer.choresLeft > 0 || this.#broken !== undefined) return false;
    this.#hasDeleted = false;
    try {
      await this.#disk.reclaim();
    } catch (cause) {
      this.#writer.fail(cause);
      throw this.#broken ?? cause;
    }
    return true;
  }

  async close(): Promise<void> {
    try {
      await this.#writer.close();
    } finally {
      await this.#resealing.end();
      await this.#cleared;
      await this.#disk.close();
    }
  }

  #applyEntry(entry: CommittedEntry, outcomes: Outcome[]): void {
    const { index, term } = entry;
    if (index <= this.#applied.index) return;
    assert(index === this.#applied.index + 1, `entry ${index} follows ${this.#applied.index}`);
    if (entry.type !== 'EntryNormal') {
      this.#book.changeMembers(entry);
    } else if (entry.data.byteLength > 0) {
      // An entry without data is what a leader begins its term with.
      const outcome = this.#run(readCommand(entry));
      if (outcome !== undefined) outcomes.push(outcome);
    }
    this.#applied = { index, term, confState: entry.confState ?? this.#applied.confState };
  }

  async #readInto(copy: SnapshotCopy, chunks: AsyncIterable<Uint8Array>): Promise<SnapshotContent | undefined> {
    try {
      return (await readSnapshot(chunks, copy)) ? copy.finish() : undefined;
    } catch (error) {
      if (copy.diskError !== undefined) this.#writer.fail(copy.diskError.cause);
      else this.#clear(copy.slot);
      throw this.#broken ?? error;
    }
  }

  /** At once in memory, so that what is applied next goes on from there; on disk with the next batch, which is synced. */
  async #switchTo(slot: Slot, { head, state }: SnapshotContent): Promise<void> {
    const old = this.#slot;
    this.#slot = slot;
    this.#applied = head.applied;
    this.#book = new GroupBook(head);
    this.#restoredRevision = head.restoredRevision;
    this.store.replace(state);
    await this.#writer.replaced();
    this.#sealAnew();
    this.#log.info('snapshot installed', { applied: head.applied.index, revision: head.revision, bytes: head.bytes });
    this.#clear(old);
  }

  /** Empties a slot in the background. */
  #clear(slot: Slot): void {
    this.#hasDeleted = true;
    this.#cleared = this.#disk.clear(slotPrefix(slot)).catch((cause: unknown) => this.#writer.fail(cause));
  }

  #run(command: Command): Outcome | undefined {
    switch (command.kind) {
      case 'txn':
        return { origin: command.origin, result: this.#runTxn(command) };
      case 'compact':
        return { origin: command.origin, result: this.#compact(command.revision) };
      case 'check':
        this.#check(command.revision, command.hash);
        return undefined;
      case 'alarm':
        this.#book.setAlarm(command.alarm, command.active);
        return { origin: command.origin, result: undefined };
      case 'format':
        this.#raiseFormat(command.format);
        return undefined;
      default:
        return unreachable(command);
    }
  }

  #raiseFormat(format: number): void {
    const before = this.#book.format;
    this.#book.raiseFormat(format);
    if (this.#book.format > before) this.#log.info('command format raised', { from: before, to: format });
  }

  #runTxn(command: Command & { kind: 'txn' }): Outcome['result'] {
    const { result: found, events } = decideTxn(this.store.state, command, shared);
    const result = isWholeTxn(found) ? found : () => filledTxn(found, this.store.state.reader);
    if (events.length === 0) return result;
    const { noSpace } = this.#book;
    if (noSpace !== undefined && events.some(({ type }) => type === 'put')) return noSpace;
    const count = events.length;
    for (const [index, { kv }] of events.entries()) {
      this.#writer.add(recordWrite(this.#slot, { kv, index, count }, this.sealer));
    }
    this.store.apply(events);
    return result;
  }

  #compact(revision: Revision): BarnError | undefined {
    if (revision > this.store.state.revision) return this.store.state.futureRevision(revision);
    this.#sweep(this.store.compact(revision));
    return undefined;
  }

  #sweep(versions: readonly PlacedVersion[]): void {
    const slot = this.#slot;
    for (const { kv, index } of versions) {
      this.#writer.later(() => {
        this.#hasDeleted = true;
        return { type: 'del', key: recordKey(slot, kv.modRevision, index) };
      });
    }
  }

  /** Writes all anew, unless everything is sealed as it would be now. */
  #sealAnew(): void {
    if (!this.#resealing.isDue) return;
    const { state } = this.store;
    const records = versionRecords({ old: state.oldVersions(), entries: state.log.entries() });
    this.#resealing.begin({ records, count: state.versionsCount, slot: this.#slot, state });
  }

  #check(revision: Revision, hash: number): void {
    const { log } = this.store.state;
    if (revision < log.first || revision >= log.next) return;
    const own = log.at(revision).hash;
    if (own === hash) return;
    throw new BarnError(
      'Corrupt',
      `this member's state differs from the leader's: at revision ${revision} its hash is ${hex(own)}, the leader's ${hex(hash)}; remove this member, empty its directory and add it anew`,
    );
  }

  #headNow(): HeadNow {
    const head = this.#head();
    const write = headWrite({ slot: this.#slot, head }, this.sealer);
    return { write, applied: this.#applied, revision: head.revision };
  }

  #head(): Head {
    return {
      ...headNumbers(this.store.state),
      applied: this.#applied,
      restoredRevision: this.#restoredRevision,
      format: this.#book.format,
      members: this.#book.members,
      alarms: this.#book.alarms,
    };
  }

  #setDurable(applied: Snapshot): void {
    if (applied.index <= this.#durable.index) return;
    this.#durable = applied;
    for (const listener of this.#durableListeners) listener(applied);
  }

  #fail(error: BarnError): void {
    this.#broken = error;
    this.#log.error('state ended: a write failed', { cause: String(error.cause) });
    for (const listener of this.#failedListeners) listener(error);
  }
}

function readCommand({ index, data }: CommittedEntry): Command {
  try {
    return decodeCommand(data);
  } catch (error) {
    if (!(error instanceof BarnError)) throw error;
    throw new BarnError(error.reason, `apply entry ${index}: ${error.message}`, { cause: error });
  }
}

function hex(hash: number): string {
  return hash.toString(16).padStart(8, '0');
}
