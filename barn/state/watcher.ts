import { assert } from '../../base/index.ts';
import { BarnError, type Revision, type WatchBatch } from '../barn.ts';
import type { Interest, SizedBatch } from './event-log.ts';

/** A batch of the history, and where to go on. */
export interface CaughtUp {
  readonly batch: WatchBatch;
  readonly next: Revision;
}

/** What a watcher needs of its hub. */
export interface WatcherHome {
  /**
   * The first batch for `watcher` at or after `from` in the history; undefined: from here on the home pushes. Not at once when
   * values of it come from the disk.
   */
  catchUp(watcher: Watcher, from: Revision): CaughtUp | Promise<CaughtUp> | undefined;
  /** Lets others have their turn. */
  turn(): Promise<void>;
  /** The watcher has ended, for whatever reason. Called once. */
  leave(watcher: Watcher): void;
}

interface WaitingReader {
  resolve(result: IteratorResult<WatchBatch, undefined>): void;
  reject(error: BarnError): void;
}

/** After so many batches of the history in a row the reader lets the loop turn: a long backlog must not stall others. */
const batchesPerTurn = 200;

const done: IteratorResult<WatchBatch, undefined> = { done: true, value: undefined };

/**
 * One watch. Behind, it reads the shared history at its reader's pace and holds nothing; once it has caught up, the hub
 * pushes, and what the reader has not taken waits here up to `bufferBytesMax`.
 */
export class Watcher implements AsyncIterableIterator<WatchBatch> {
  readonly interest: Interest;
  readonly progress: boolean;
  readonly #home: WatcherHome;
  readonly #bufferBytesMax: number;
  #from: Revision;
  #behind: Revision | undefined;
  #batchesThisTurn = 0;
  #buffer: SizedBatch[] = [];
  #bufferBytes = 0;
  #toldRevision: Revision = -1;
  #reader: WaitingReader | undefined;
  #end: { error: BarnError | undefined } | undefined;

  constructor(options: {
    readonly interest: Interest;
    readonly progress: boolean;
    readonly from: Revision;
    readonly behind: boolean;
    readonly bufferBytesMax: number;
    readonly home: WatcherHome;
  }) {
    this.interest = options.interest;
    this.progress = options.progress;
    this.#from = options.from;
    this.#home = options.home;
    this.#bufferBytesMax = options.bufferBytesMax;
    this.#behind = options.behind ? options.from : undefined;
  }

  /** Where in the history it reads, or undefined once it has caught up. */
  get behind(): Revision | undefined {
    return this.#behind;
  }

  /** Nothing below is for it. */
  get from(): Revision {
    return this.#from;
  }

  /** It has read the history up to here, and reads it no more. */
  caughtUp(next: Revision): void {
    this.#from = next;
    this.#behind = undefined;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<WatchBatch, undefined>> {
    assert(this.#reader === undefined, 'a watch is read by one reader, one batch at a time');
    if (this.#behind !== undefined && ++this.#batchesThisTurn > batchesPerTurn) {
      this.#batchesThisTurn = 0;
      await this.#home.turn();
    }
    if (this.#behind !== undefined) {
      const found = this.#home.catchUp(this, this.#behind);
      const read = found instanceof Promise ? await found : found;
      // It may have ended meanwhile.
      if (read !== undefined && this.#end === undefined) {
        this.#behind = read.next;
        return this.#told(read.batch);
      }
    }
    const first = this.#buffer.shift();
    if (first !== undefined) {
      this.#bufferBytes -= first.bytes;
      return this.#told(first.batch);
    }
    if (this.#end !== undefined) {
      const { error } = this.#end;
      this.#end.error = undefined;
      if (error !== undefined) throw error;
      return done;
    }
    return new Promise((resolve, reject) => {
      this.#reader = { resolve, reject };
    });
  }

  async return(): Promise<IteratorResult<WatchBatch, undefined>> {
    this.end();
    return done;
  }

  /** Hands the events of a revision over; the hub calls it in order, and only when the watcher has caught up. */
  push(sized: SizedBatch): void {
    if (this.#end !== undefined || sized.batch.revision < this.#from) return;
    if (this.#reader !== undefined) return this.#answer(sized.batch);
    if (this.#buffer.length > 0 && this.#bufferBytes + sized.bytes > this.#bufferBytesMax) {
      const message = `the watch of ${JSON.stringify(this.interest.start)} ended: more than ${this.#bufferBytesMax} bytes waited for its reader`;
      return this.end(new BarnError('Overrun', message));
    }
    this.#buffer.push(sized);
    this.#bufferBytes += sized.bytes;
  }

  /** Tells that all up to the batch's revision was delivered, unless the reader knows. */
  offerProgress(sized: SizedBatch): void {
    const { revision } = sized.batch;
    if (this.#end !== undefined || revision + 1 < this.#from) return;
    const last = this.#buffer.at(-1);
    if ((last?.batch.revision ?? this.#toldRevision) >= revision) return;
    if (this.#reader !== undefined) return this.#answer(sized.batch);
    // A reader that does not read learns the newest progress only: it costs no buffer.
    if (last !== undefined && last.batch.events.length === 0) this.#buffer[this.#buffer.length - 1] = sized;
    else this.#buffer.push(sized);
  }

  /** Ends the watch; what waited is dropped. The reader gets `error` once, or a quiet end. */
  end(error?: BarnError): void {
    if (this.#end !== undefined) return;
    const reader = this.#reader;
    this.#reader = undefined;
    this.#end = { error: reader === undefined ? error : undefined };
    this.#behind = undefined;
    this.#buffer = [];
    this.#home.leave(this);
    if (reader === undefined) return;
    if (error === undefined) reader.resolve(done);
    else reader.reject(error);
  }

  #answer(batch: WatchBatch): void {
    const reader = this.#reader;
    this.#reader = undefined;
    reader?.resolve(this.#told(batch));
  }

  #told(batch: WatchBatch): IteratorResult<WatchBatch, undefined> {
    this.#toldRevision = batch.revision;
    return { done: false, value: batch };
  }
}
