import { type Clock, present, type Timer } from '../../base/index.ts';
import { BarnError, type Key, type Revision, type WatchOptions } from '../barn.ts';
import type { BarnLimits } from '../limits.ts';
import { EntriesRead } from './entries-read.ts';
import type { EventLog, Interest, LogEntry, SizedBatch } from './event-log.ts';
import { LateEntries } from './late-entries.ts';
import type { ValueReader } from './version.ts';
import { type WatchGroup, WatchGroups } from './watch-groups.ts';
import { type CaughtUp, Watcher, type WatcherHome } from './watcher.ts';

const progressIntervalMs = 200;

/** What is read back from the disk at a time for one who is behind. One revision always fits. */
const aheadBytesMax = 32 * 1024;
const withPrev = { prevValue: true } as const;

/** Whose events a hub tells of: a State, or what follows a store elsewhere. */
export interface WatchSource {
  /** The last revision of the log. */
  readonly revision: Revision;
  readonly compactRevision: Revision;
  /** Holds every revision that a watch may still ask for. */
  readonly log: Pick<EventLog, 'at' | 'next'>;
  readonly reader: ValueReader;
  compacted(revision: Revision): BarnError;
}

/** Tells watchers what happened to the keys of a store. A revision costs a look for whoever asks for its keys (WatchGroups), then at each of those. */
export class WatchHub implements WatcherHome {
  #state: WatchSource;
  readonly #clock: Clock;
  readonly #limits: BarnLimits;
  readonly #nextTurn: () => Promise<void>;
  /** Those who have caught up. */
  readonly #groups = new WatchGroups();
  readonly #behind = new Set<Watcher>();
  readonly #progress = new Set<Watcher>();
  readonly #signals = new Map<Watcher, () => void>();
  readonly #read = new EntriesRead();
  readonly #late = new LateEntries((entry) => this.#tellAll(entry));
  #progressTimer: Timer | undefined;
  #watchersCount = 0;

  constructor(options: {
    readonly state: WatchSource;
    readonly clock: Clock;
    readonly limits: BarnLimits;
    /** Lets others have their turn: the loop's own if absent. */
    readonly nextTurn?: () => Promise<void>;
  }) {
    this.#state = options.state;
    this.#clock = options.clock;
    this.#limits = options.limits;
    this.#nextTurn = options.nextTurn ?? loopTurn;
  }

  /** As Barn.watch promises; the range is checked. Errors: Compacted, Overloaded. */
  open(start: Key, end: Key | undefined, fromRevision: Revision, options: WatchOptions): Watcher {
    const next = this.#state.revision + 1;
    const from = fromRevision === 0 ? next : fromRevision;
    if (from < this.#state.compactRevision) throw this.#state.compacted(from);
    if (this.#watchersCount >= this.#limits.watchersMax) {
      throw new BarnError('Overloaded', `there are ${this.#watchersCount} watches already, which is the most`);
    }
    const watcher = new Watcher({
      interest: { start, end, prevValue: options.prevValue ?? false },
      progress: options.progress ?? false,
      from,
      behind: from < next,
      bufferBytesMax: this.#limits.watchBufferBytesMax,
      home: this,
    });
    this.#watchersCount++;
    if (from < next) this.#behind.add(watcher);
    else this.#join(watcher);
    if (options.signal !== undefined) this.#endWith(watcher, options.signal);
    return watcher;
  }

  /** Hands a new revision to all who asked for a part of it. */
  publish(entry: LogEntry): void {
    const lacks = this.#lacks(entry);
    if (!lacks && this.#late.first === undefined) this.#tellAll(entry);
    else this.#tellLater(entry, lacks);
    this.#tellProgressSoon();
  }

  /** The history below `revision` is gone: who still had to read it ends with Compacted. */
  compacted(revision: Revision): void {
    for (const watcher of this.#behind) {
      const at = watcher.behind;
      if (at !== undefined && at < revision) watcher.end(this.#state.compacted(at));
    }
  }

  /**
   * Goes on with another source, which is as far as this one or farther: watchers who can read on there do, the others end with
   * Compacted.
   */
  replace(state: WatchSource): void {
    const told = this.#state.revision;
    this.#state = state;
    this.compacted(state.compactRevision);
    if (told + 1 < state.compactRevision) {
      const error = state.compacted(told + 1);
      for (const watcher of this.#groups.watchers()) if (watcher.from < state.compactRevision) watcher.end(error);
    }
    for (let revision = Math.max(told + 1, state.compactRevision); revision < state.log.next; revision++) {
      this.publish(state.log.at(revision));
    }
  }

  /** Ends every watch there is with `error`; new ones may come. */
  endAll(error: BarnError): void {
    for (const watcher of this.#behind) watcher.end(error);
    for (const watcher of this.#groups.watchers()) watcher.end(error);
  }

  /** Ends every watch with `error`, for good. */
  close(error: BarnError): void {
    this.#progressTimer?.cancel();
    this.#late.clear();
    this.endAll(error);
  }

  turn(): Promise<void> {
    return this.#nextTurn();
  }

  catchUp(watcher: Watcher, from: Revision): CaughtUp | Promise<CaughtUp> | undefined {
    const { log } = this.#state;
    for (let revision = from; revision < log.next; revision++) {
      const entry = log.at(revision);
      if (entry.countFor(watcher.interest) === 0) continue;
      const read = entry.lacks(watcher.interest) ? this.#readBack(watcher.interest, revision) : entry;
      if (read instanceof Promise) return read.then((found) => caughtUp(found, watcher.interest));
      return caughtUp(read, watcher.interest);
    }
    this.#behind.delete(watcher);
    watcher.caughtUp(log.next);
    this.#join(watcher);
    return undefined;
  }

  leave(watcher: Watcher): void {
    this.#watchersCount--;
    this.#behind.delete(watcher);
    this.#progress.delete(watcher);
    this.#signals.get(watcher)?.();
    this.#signals.delete(watcher);
    this.#groups.delete(watcher);
  }

  /** Whether a value is not in memory that somebody is to be told with this entry. */
  #lacks(entry: LogEntry): boolean {
    if (!entry.lacks(withPrev)) return false;
    let lacks = false;
    this.#groups.forEach(entry, ({ interest }) => {
      lacks ||= entry.lacks(interest);
    });
    return lacks;
  }

  #tellAll(entry: LogEntry): void {
    this.#groups.forEach(entry, (group) => tell(group, entry));
  }

  /** In its turn, with its values. When too much waits for the disk, all who have caught up have missed it. */
  #tellLater(entry: LogEntry, lacks: boolean): void {
    const { watchBufferBytesMax } = this.#limits;
    if (this.#late.bytes > 0 && this.#late.bytes + entry.bytes > watchBufferBytesMax) {
      this.#late.clear();
      const message = `the watch ended: more than ${watchBufferBytesMax} bytes waited for values from the disk`;
      for (const watcher of this.#groups.watchers())
        if (watcher.from <= entry.revision) watcher.end(new BarnError('Overrun', message));
      return;
    }
    this.#late.add(entry, lacks ? this.#read.read([entry], this.#state.reader) : undefined);
  }

  /** An entry that is asked for with its values, and those after it that will be. */
  #readBack(interest: Interest, from: Revision): LogEntry | Promise<LogEntry> {
    const known = this.#read.get(from);
    if (known !== undefined) return known;
    const { log, reader } = this.#state;
    const entries: [LogEntry, ...LogEntry[]] = [log.at(from)];
    let { bytes } = entries[0];
    for (let revision = from + 1; revision < log.next && bytes < aheadBytesMax; revision++) {
      const entry = log.at(revision);
      if (entry.countFor(interest) === 0 || !entry.lacks(interest) || this.#read.get(revision) !== undefined) continue;
      entries.push(entry);
      bytes += entry.bytes;
    }
    return this.#read.read(entries, reader);
  }

  #join(watcher: Watcher): void {
    this.#groups.add(watcher);
    if (!watcher.progress) return;
    this.#progress.add(watcher);
    // It asks for nothing that is late.
    watcher.offerProgress(progressAt(this.#state.revision));
  }

  #endWith(watcher: Watcher, signal: AbortSignal): void {
    if (signal.aborted) return watcher.end();
    const onAbort = () => watcher.end();
    signal.addEventListener('abort', onAbort, { once: true });
    this.#signals.set(watcher, () => signal.removeEventListener('abort', onAbort));
  }

  #tellProgress(): void {
    this.#progressTimer = undefined;
    const { first } = this.#late;
    const progress = progressAt(first === undefined ? this.#state.revision : first - 1);
    for (const watcher of this.#progress) watcher.offerProgress(progress);
    if (first !== undefined) this.#tellProgressSoon();
  }

  #tellProgressSoon(): void {
    if (this.#progress.size === 0 || this.#progressTimer !== undefined) return;
    this.#progressTimer = this.#clock.after(progressIntervalMs, () => this.#tellProgress(), { unref: true });
  }
}

function caughtUp(entry: LogEntry, interest: Interest): CaughtUp {
  const { batch } = present(entry.batchFor(interest), 'a batch of an entry that is asked for');
  return { batch, next: entry.revision + 1 };
}

function progressAt(revision: Revision): SizedBatch {
  return { batch: { revision, events: [] }, bytes: 0 };
}

function tell({ interest, watchers }: WatchGroup, entry: LogEntry): void {
  const found = entry.batchFor(interest);
  if (found !== undefined) for (const watcher of watchers) watcher.push(found);
}

function loopTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
