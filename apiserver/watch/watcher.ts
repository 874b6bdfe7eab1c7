import type { Revision } from '../../barn/index.ts';
import type { Clock, Timer } from '../../base/index.ts';
import type { Stored } from '../storage/object-store.ts';
import type { EventForm } from './form.ts';
import type { ChangeType, Interest } from './groups.ts';

/** Where a watcher's lines go. */
export interface Sink {
  /** Takes bytes; false when it has enough: `drained` is called once there is room. */
  write(bytes: Buffer): boolean;
  /** The client takes nothing, or less than comes: break off. */
  destroy(): void;
}

/** How a watch is served. */
export interface WatcherOptions {
  readonly interest: Interest;
  readonly form: EventForm;
  readonly sink: Sink;
  readonly bookmarks: boolean;
  readonly clock: Clock;
  readonly bufferBytesMax: number;
  readonly stallMsMax: number;
  readonly bookmarkIntervalMs: number;
}

/** A bookmark is repeated after so many intervals without a change. */
const quietMarksMax = 3;

/**
 * One watch: lines wait here until the pump writes them. `held` while its past is still being told: what happens meanwhile
 * waits and is bounded too.
 */
export class Watcher {
  readonly interest: Interest;
  readonly form: EventForm;
  readonly bookmarks: boolean;
  /** Nothing at or before it is for this watcher any more. */
  told: Revision = 0;
  /** Whether the pump will come by. */
  isQueued = false;
  readonly #options: WatcherOptions;
  #isHeld = true;
  #isFirst = true;
  #isBlocked = false;
  #isOver = false;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #hasLost = false;
  #marked: Revision = 0;
  #quietMarks = 0;
  #markAtMs: number;
  #stall: Timer | undefined;
  #onRoom: (() => void) | undefined;

  constructor(options: WatcherOptions) {
    this.interest = options.interest;
    this.form = options.form;
    this.bookmarks = options.bookmarks;
    this.#options = options;
    this.#markAtMs = options.clock.monotonicMs() + options.bookmarkIntervalMs;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Whether the first event is still to come, and says more than others. */
  get wantsFirst(): boolean {
    return this.#isFirst && this.form.hasFirst;
  }

  /** Hands over one line of a change; whether there is something to flush. The hub calls it in order. */
  push(line: Buffer, revision: Revision): boolean {
    if (revision <= this.told || this.#isOver) return false;
    this.#isFirst = false;
    return this.#add(line);
  }

  /** Tells one change of the past, when the one before was taken. */
  async tell(type: ChangeType, stored: Stored, revision: Revision): Promise<void> {
    const line = this.form.event(type, stored, revision, this.wantsFirst);
    this.#isFirst = false;
    await this.write(line);
  }

  /** Writes at once, and resolves when more may come. */
  async write(line: Buffer): Promise<void> {
    if (this.#isOver || this.#options.sink.write(line)) return;
    this.#block();
    await new Promise<void>((resolve) => (this.#onRoom = resolve));
  }

  /** From now on what waits is written; false if some of it was lost since it was too much, and the past must be told further. */
  release(): boolean {
    if (this.#hasLost) {
      this.#hasLost = false;
      this.#drop();
      return false;
    }
    this.#isHeld = false;
    return true;
  }

  /** Says how far the watcher is, if it asked for that and it is time. */
  markAt(position: Revision, nowMs: number): boolean {
    if (nowMs < this.#markAtMs || this.#isHeld) return false;
    this.#markAtMs = nowMs + this.#options.bookmarkIntervalMs;
    if (!this.bookmarks || position < this.told) return false;
    // Said again when nothing moves: a client tells a quiet server from one that hangs by it.
    if (position === this.#marked && ++this.#quietMarks < quietMarksMax) return false;
    return this.#mark(position);
  }

  /** A last word on how far it was. */
  markLast(position: Revision): boolean {
    return this.bookmarks && !this.#isHeld && position >= this.told && position > this.#marked && this.#mark(position);
  }

  /** Notes that a bookmark of `revision` was given. */
  marked(revision: Revision): void {
    this.#marked = revision;
    this.#quietMarks = 0;
  }

  /** Writes what waits, as one. */
  flush(): void {
    this.isQueued = false;
    if (this.#isHeld || this.#isBlocked || this.#isOver || this.#waiting.length === 0) return;
    const [first] = this.#waiting;
    const bytes = this.#waiting.length === 1 && first !== undefined ? first : Buffer.concat(this.#waiting);
    this.#drop();
    if (!this.#options.sink.write(bytes)) this.#block();
  }

  /** The sink has room again. */
  drained(): void {
    this.#isBlocked = false;
    this.#stall?.cancel();
    this.#stall = undefined;
    this.#onRoom?.();
    this.#onRoom = undefined;
    this.flush();
  }

  /** Nothing is written any more. */
  stop(): void {
    this.#isOver = true;
    this.#drop();
    this.drained();
  }

  #mark(position: Revision): boolean {
    this.marked(position);
    return this.#add(this.form.bookmark(position, false));
  }

  #add(line: Buffer): boolean {
    if (this.#waiting.length > 0 && this.#waitingBytes + line.length > this.#options.bufferBytesMax) {
      this.#drop();
      if (this.#isHeld) this.#hasLost = true;
      else this.#breakOff();
      return false;
    }
    if (this.#hasLost) return false;
    this.#waiting.push(line);
    this.#waitingBytes += line.length;
    return !this.#isHeld && !this.#isBlocked;
  }

  // What comes after something that was lost must not be told.
  #breakOff(): void {
    this.stop();
    this.#options.sink.destroy();
  }

  #drop(): void {
    this.#waiting = [];
    this.#waitingBytes = 0;
  }

  #block(): void {
    this.#isBlocked = true;
    const { clock, stallMsMax } = this.#options;
    this.#stall ??= clock.after(stallMsMax, () => this.#breakOff(), { unref: true });
  }
}
