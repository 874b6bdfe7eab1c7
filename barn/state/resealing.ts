import type { Log } from '../../base/index.ts';
import { type KeyRing, plain, type StoreKeys } from '../keys.ts';
import type { Sealer } from '../seal.ts';
import type { Disk, DiskWrite } from './disk.ts';
import type { DiskValues } from './disk-values.ts';
import { isOpen, type KeyMark, keyMarksWrite, marksOf } from './key-marks.ts';
import type { LaggingWriter } from './lagging-writer.ts';
import { recordWrite, type Slot } from './layout.ts';
import type { FoundRecord, VersionRecord } from './record.ts';
import { filledRecords, pagesOf } from './snapshot.ts';
import type { State } from './state.ts';

/** Where the state stands with its keys. */
export interface SealingState {
  /** What is written now is sealed with it; or `plain`. */
  readonly current: string;
  /** Everything that something on disk may be sealed with, the current one among them. */
  readonly keys: readonly string[];
  /** Records that are still to be written anew. */
  readonly left: number;
}

/** What is to be written anew, as it is now. */
export interface ToReseal {
  readonly records: Iterable<FoundRecord>;
  readonly count: number;
  readonly slot: Slot;
  readonly state: State;
}

/** So much is read back at a time. */
const pageBytes = 1024 * 1024;

/**
 * Brings a state over to the current key: writes every record anew, makes that durable, lets the disk forget what it replaced,
 * and only then strikes the other keys off. Begun again whenever the keys or the state are others.
 */
export class Resealing {
  readonly #ring: KeyRing;
  readonly #sealer: Sealer;
  readonly #disk: Disk;
  readonly #writer: LaggingWriter;
  readonly #log: Log;
  readonly #values: DiskValues;
  #marks: readonly KeyMark[];
  #left = 0;
  #ending = new AbortController();
  #underWay: Promise<void> = Promise.resolve();

  constructor(options: {
    readonly ring: KeyRing;
    readonly sealer: Sealer;
    readonly disk: Disk;
    readonly writer: LaggingWriter;
    readonly log: Log;
    readonly values: DiskValues;
    /** As they are on disk. */
    readonly marks: readonly KeyMark[];
  }) {
    this.#ring = options.ring;
    this.#sealer = options.sealer;
    this.#disk = options.disk;
    this.#writer = options.writer;
    this.#log = options.log;
    this.#values = options.values;
    this.#marks = options.marks;
  }

  get state(): SealingState {
    const current = this.#ring.currentId;
    return { current, keys: this.#ids(), left: this.#left };
  }

  /** Whether something may still be sealed otherwise than it would be now. */
  get isDue(): boolean {
    return this.#ids().some((id) => id !== this.#ring.currentId);
  }

  /**
   * Ends what is under way, before the keys change: it must not strike off keys in the name of another one than it sealed with.
   * `begin` goes on.
   */
  async pause(): Promise<void> {
    this.#ending.abort();
    this.#writer.dropBacklog();
    await this.#underWay;
  }

  /** From now on these keys, while paused; resolves when the disk knows of the first. Errors: Storage. */
  async use(keys: StoreKeys): Promise<void> {
    this.#ring.change(keys);
    await this.#mark([...this.#ids(), this.#ring.currentId]);
  }

  /** Begins, or begins anew. */
  begin(due: ToReseal): void {
    this.#ending.abort();
    this.#ending = new AbortController();
    this.#left = due.count;
    const [before, { signal }, { currentId }] = [this.#underWay, this.#ending, this.#ring];
    const written = this.#write(due, signal);
    // Heard of below, if not before.
    written.catch(() => {});
    // A disk that failed has told the writer's owner.
    this.#underWay = before.then(() => this.#finish(written, currentId, signal)).catch(() => {});
  }

  /** Resolves when it does nothing with the disk any more; after the writer was closed. */
  async end(): Promise<void> {
    this.#ending.abort();
    await this.#underWay;
  }

  /** Page by page; false when it was dropped. */
  async #write({ records, slot, state }: ToReseal, signal: AbortSignal): Promise<boolean> {
    for (const found of pagesOf(records, pageBytes)) {
      // What was compacted meanwhile is deleted, and cannot be read.
      const page = found.filter(({ kv }) => state.holds(kv));
      this.#left -= found.length - page.length;
      const filled = await filledRecords(page, state.reader);
      if (signal.aborted || !(await this.#writer.setBacklog(this.#writes(filled, slot, state)))) return false;
    }
    return true;
  }

  *#writes(records: readonly VersionRecord[], slot: Slot, state: State): Generator<DiskWrite | undefined> {
    for (const record of records) {
      this.#left--;
      yield state.holds(record.kv) ? recordWrite(slot, record, this.#sealer) : undefined;
    }
  }

  async #finish(written: Promise<boolean>, key: string, signal: AbortSignal): Promise<void> {
    if (!(await written) || signal.aborted) return;
    await this.#writer.flushed();
    // They hold records that are sealed as before.
    await this.#values.viewsEnded(signal);
    await this.#disk.reclaim(signal);
    if (signal.aborted) return;
    await this.#mark([key]);
    this.#log.info('state sealed anew: nothing in it needs an older key any more', { key });
  }

  async #mark(ids: readonly string[]): Promise<void> {
    const marks = marksOf(ids, this.#ring, this.#marks);
    this.#writer.add(keyMarksWrite(marks));
    await this.#writer.flushed();
    this.#marks = marks;
  }

  #ids(): readonly string[] {
    return isOpen(this.#marks) ? [plain] : this.#marks.map(({ id }) => id);
  }
}
