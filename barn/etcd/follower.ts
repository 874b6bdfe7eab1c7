import { type Clock, type Log, sleep, type Timer } from '../../base/index.ts';
import { BarnError, type Revision } from '../barn.ts';
import type { BarnLimits } from '../limits.ts';
import type { LogEntry } from '../state/event-log.ts';
import { WatchHub } from '../state/watch-hub.ts';
import type { EtcdCalls } from './calls.ts';
import { follow } from './follow.ts';
import type { KeySpace } from './key-space.ts';
import { Source } from './source.ts';

/** What a follower needs. */
export interface FollowerOptions {
  readonly calls: EtcdCalls;
  readonly space: KeySpace;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: BarnLimits;
  /** Where etcd stands now, and where it is compacted: what is followed begins after it. */
  readonly revision: Revision;
  readonly compactRevision: Revision;
  /** After so long without a watch on etcd, those who watch here are sent away. */
  readonly leaderlessMs: number;
}

const retryMs = 100;
/** Revisions held, also those without a key of ours: more than these count as too much history. */
const revisionsHeldMax = 200_000;

/**
 * What happens in etcd, in a log and a hub of this process: all watches here cost etcd one, and share what they get. It
 * takes up a broken watch where it was, at any endpoint.
 */
export class Follower {
  readonly #options: FollowerOptions;
  readonly #stopped = new AbortController();
  #source: Source;
  #hub: WatchHub;
  #isLive = false;
  #leaderless: Timer | undefined;
  #refusal: BarnError | undefined;
  #loading: Promise<void> = Promise.resolve();
  #waiting = new Map<Revision, (() => void)[]>();
  #started: { resolve(): void; reject(error: BarnError): void } | undefined;

  constructor(options: FollowerOptions) {
    this.#options = options;
    this.#source = new Source(options.revision, options.compactRevision);
    this.#hub = this.#makeHub();
  }

  /** Resolves once the watch stands; it goes on until `stop`. Errors: NoLeader when it does not come to stand. */
  start(): Promise<void> {
    const live = new Promise<void>((resolve, reject) => (this.#started = { resolve, reject }));
    void this.#run();
    return live;
  }

  get revision(): Revision {
    return this.#source.revision;
  }

  get compactRevision(): Revision {
    return this.#source.compactRevision;
  }

  /** Where to compact, when there is too much history. */
  get compactionDue(): Revision | undefined {
    const { log, compactRevision } = this.#source;
    const { historyBytesMax } = this.#options.limits;
    const isLong = log.next - log.first > revisionsHeldMax;
    if (log.bytes <= historyBytesMax && !isLong) return undefined;
    const revision = Math.max(
      log.firstWithin(historyBytesMax / 2),
      isLong ? log.next - Math.floor(revisionsHeldMax / 2) : 0,
    );
    return revision > compactRevision ? revision : undefined;
  }

  /** The hub, ready for a watch from `from` (not 0). Errors: Compacted, NoLeader. */
  async hubFor(from: Revision): Promise<WatchHub> {
    if (this.#refusal !== undefined) throw this.#refusal;
    if (from < this.#source.log.first && from >= this.#source.compactRevision) await this.#load(from);
    return this.#hub;
  }

  /** Resolves once all up to `revision` was told here, or when etcd is not heard of at the moment. */
  reached(revision: Revision): Promise<void> {
    if (revision <= this.revision || !this.#isLive) return Promise.resolve();
    return new Promise((resolve) => {
      const others = this.#waiting.get(revision);
      if (others === undefined) this.#waiting.set(revision, [resolve]);
      else others.push(resolve);
    });
  }

  /** The history below `revision` is gone: as WatchHub.compacted. */
  compacted(revision: Revision): void {
    if (revision <= this.#source.compactRevision) return;
    this.#source.compactTo(revision);
    this.#hub.compacted(revision);
  }

  /** Ends every watch with `error`. */
  stop(error: BarnError): void {
    this.#refusal = error;
    this.#stopped.abort();
    this.#leaderless?.cancel();
    this.#release();
    this.#hub.close(error);
  }

  async #run(): Promise<void> {
    const { calls, space, clock, log } = this.#options;
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      const from = this.#source.log.next;
      try {
        for await (const entries of follow({ calls, space, from, signal, onCreated: () => this.#live() }))
          for (const entry of entries) this.#take(entry);
      } catch (error) {
        if (signal.aborted) return;
        const fault = error instanceof BarnError ? error : new BarnError('NoLeader', String(error), { cause: error });
        log.warn('lost the watch on etcd', { from, reason: fault.reason, why: fault.message });
        this.#lost();
        if (fault.reason === 'Compacted') await this.#startAnew().catch(() => undefined);
        await sleep(clock, retryMs, signal).catch(() => undefined);
      }
    }
  }

  #take(entry: LogEntry): void {
    this.#source.log.append(entry);
    this.#hub.publish(entry);
    const waiting = this.#waiting.get(entry.revision);
    if (waiting === undefined) return;
    this.#waiting.delete(entry.revision);
    for (const resolve of waiting) resolve();
  }

  #live(): void {
    this.#isLive = true;
    this.#refusal = undefined;
    this.#leaderless?.cancel();
    this.#leaderless = undefined;
    this.#started?.resolve();
  }

  #lost(): void {
    this.#isLive = false;
    this.#release();
    const { clock, leaderlessMs } = this.#options;
    const end = (): void => {
      this.#refusal = new BarnError('NoLeader', `etcd was not heard of for ${leaderlessMs} ms`);
      this.#started?.reject(this.#refusal);
      this.#endWatches(this.#refusal);
    };
    this.#leaderless ??= clock.after(leaderlessMs, end, { unref: true });
  }

  #release(): void {
    const waiting = this.#waiting;
    this.#waiting = new Map();
    for (const resolves of waiting.values()) for (const resolve of resolves) resolve();
  }

  /** What comes next is gone: everyone here must look again. */
  async #startAnew(): Promise<void> {
    const { calls, space, log } = this.#options;
    const { revision } = await calls.range({ key: space.nothing, countOnly: true }, 'begin to follow etcd anew');
    const here = space.here(revision);
    const from = this.#source.log.next;
    this.#source = new Source(here, here);
    this.#endWatches(this.#source.compacted(from));
    log.warn('began to follow etcd anew: what was next is compacted', { from, revision: here });
  }

  #endWatches(error: BarnError): void {
    this.#hub.close(error);
    this.#hub = this.#makeHub();
  }

  #makeHub(): WatchHub {
    return new WatchHub({ state: this.#source, clock: this.#options.clock, limits: this.#options.limits });
  }

  /** Reads the history from `from` on that is older than what is here, one reader at a time. */
  #load(from: Revision): Promise<void> {
    const loading = this.#loading.catch(() => undefined).then(() => this.#loadNow(from));
    this.#loading = loading;
    return loading;
  }

  async #loadNow(from: Revision): Promise<void> {
    const source = this.#source;
    if (from >= source.log.first) return;
    const { calls, space, limits } = this.#options;
    const until = source.log.first;
    const aborted = new AbortController();
    const older: LogEntry[] = [];
    let bytes = source.log.bytes;
    const signal = AbortSignal.any([aborted.signal, this.#stopped.signal]);
    for await (const entries of follow({ calls, space, from, signal })) {
      for (const entry of entries) {
        if (entry.revision >= until) continue;
        older.push(entry);
        bytes += entry.bytes;
      }
      if (bytes > limits.historyBytesMax || older.length > revisionsHeldMax) throw source.tooOld(from);
      if (older.at(-1)?.revision === until - 1) break;
    }
    aborted.abort();
    source.prepend(older);
  }
}
