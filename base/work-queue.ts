// A queue of keys with the semantics of client-go's util/workqueue, on which every reconciler relies: a key waits at most
// once, is never processed twice at a time, and an add during processing is not lost but runs again when it is done.
import { assert } from './assert.ts';
import { type BackoffOptions, backoffMs } from './backoff.ts';
import type { Clock, Timer } from './clock.ts';
import type { Random } from './random.ts';

/** What a queue tells of itself; Kubernetes' workqueue_* metrics are made of it. */
export interface WorkQueueMetrics {
  /** A key was accepted (workqueue_adds_total). */
  added(): void;
  /** So many keys wait now (workqueue_depth). */
  depth(waiting: number): void;
  /** A key had waited so long when it was taken (workqueue_queue_duration_seconds). */
  waited(waitedMs: number): void;
  /** A key was processed for so long (workqueue_work_duration_seconds). */
  worked(workedMs: number): void;
  /** A key comes again after a failure (workqueue_retries_total). */
  retried(): void;
}

/** What a queue works with; nothing of it is closed by the queue. */
export interface WorkQueueOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Waits of `addRateLimited`; default 5 ms doubling to 60 s. */
  readonly backoff?: BackoffOptions;
  readonly metrics?: WorkQueueMetrics;
}

const defaultBackoff: BackoffOptions = { baseMs: 5, capMs: 60_000 };

/**
 * Keys to look at again. It holds each key at most once in every part, so its bound is the number of keys there are.
 * Owners call `shutDown` (or `drain`) in the end; timers of delayed keys end with it.
 */
export class WorkQueue<K extends string = string> {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #backoff: BackoffOptions;
  readonly #metrics: WorkQueueMetrics | undefined;
  /** Keys that wait, oldest first, with when they were added; a Map keeps the order and finds doubles. */
  readonly #waiting = new Map<K, number>();
  readonly #processing = new Map<K, number>();
  /** Keys added while being processed. */
  readonly #dirty = new Set<K>();
  readonly #delayed = new Map<K, { atMs: number; timer: Timer }>();
  readonly #failures = new Map<K, number>();
  readonly #takers: ((key: K | undefined) => void)[] = [];
  readonly #drained: (() => void)[] = [];
  #isShutDown = false;

  constructor(options: WorkQueueOptions) {
    this.#clock = options.clock;
    this.#random = options.random;
    this.#backoff = options.backoff ?? defaultBackoff;
    this.#metrics = options.metrics;
  }

  /** How many keys wait to be taken; those being processed and the delayed ones are not among them. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Whether nothing waits, is processed or is delayed. */
  get isIdle(): boolean {
    return this.#waiting.size + this.#processing.size + this.#delayed.size === 0;
  }

  get isShutDown(): boolean {
    return this.#isShutDown;
  }

  /** Asks to look at `key`: at once, or again when its present processing is done. Ignored after shutdown. */
  add(key: K): void {
    if (this.#isShutDown || this.#dirty.has(key) || this.#waiting.has(key)) return;
    this.#metrics?.added();
    if (this.#processing.has(key)) {
      this.#dirty.add(key);
      return;
    }
    this.#push(key);
  }

  /** As `add`, in `delayMs`. Of several delays of one key the earliest counts. */
  addAfter(key: K, delayMs: number): void {
    if (this.#isShutDown) return;
    if (delayMs <= 0) {
      this.add(key);
      return;
    }
    const atMs = this.#clock.monotonicMs() + delayMs;
    const earlier = this.#delayed.get(key);
    if (earlier !== undefined) {
      if (earlier.atMs <= atMs) return;
      earlier.timer.cancel();
    }
    const timer = this.#clock.after(delayMs, () => {
      this.#delayed.delete(key);
      this.add(key);
    });
    this.#delayed.set(key, { atMs, timer });
  }

  /** As `add`, after a wait that grows with every call until `forget`. */
  addRateLimited(key: K): void {
    if (this.#isShutDown) return;
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    this.#metrics?.retried();
    this.addAfter(key, backoffMs(failures, this.#backoff, this.#random));
  }

  /** Ends the growth of waits for `key`; call it whenever processing succeeded. */
  forget(key: K): void {
    this.#failures.delete(key);
  }

  /** How often `key` was added rate-limited since it was last forgotten. */
  failures(key: K): number {
    return this.#failures.get(key) ?? 0;
  }

  /** The next key; waits for one. `undefined`: shut down and nothing waits. Whoever takes a key must call `done`. */
  take(): Promise<K | undefined> {
    const [next] = this.#waiting;
    if (next !== undefined) return Promise.resolve(this.#hand(next[0], next[1]));
    if (this.#isShutDown) return Promise.resolve(undefined);
    return new Promise((resolve) => this.#takers.push(resolve));
  }

  /** Ends the processing of `key`; if it was added meanwhile it waits again, even after shutdown. */
  done(key: K): void {
    const startedMs = this.#processing.get(key);
    assert(startedMs !== undefined, `work queue: ${key} is done but was not taken`);
    this.#metrics?.worked(this.#clock.monotonicMs() - startedMs);
    this.#processing.delete(key);
    if (this.#dirty.delete(key)) this.#push(key);
    this.#settle();
  }

  /** Takes no more keys and forgets the delayed ones. What waits is still handed out; then takers get `undefined`. */
  shutDown(): void {
    this.#isShutDown = true;
    for (const { timer } of this.#delayed.values()) timer.cancel();
    this.#delayed.clear();
    this.#settle();
  }

  /** As `shutDown`; resolves when all that waited or was being processed is done. Workers must go on taking. */
  drain(): Promise<void> {
    this.shutDown();
    return new Promise((resolve) => {
      this.#drained.push(resolve);
      this.#settle();
    });
  }

  #push(key: K): void {
    const nowMs = this.#clock.monotonicMs();
    const taker = this.#takers.shift();
    if (taker !== undefined) {
      taker(this.#hand(key, nowMs));
      return;
    }
    this.#waiting.set(key, nowMs);
    this.#metrics?.depth(this.#waiting.size);
  }

  #hand(key: K, addedMs: number): K {
    const nowMs = this.#clock.monotonicMs();
    assert(!this.#processing.has(key), `work queue: ${key} would be processed twice at a time`);
    this.#waiting.delete(key);
    this.#processing.set(key, nowMs);
    this.#metrics?.depth(this.#waiting.size);
    this.#metrics?.waited(nowMs - addedMs);
    return key;
  }

  #settle(): void {
    if (!this.#isShutDown || this.#waiting.size > 0) return;
    // A key that is still processed may be dirty and come again: takers wait for it only if it is.
    if (this.#dirty.size === 0) for (const taker of this.#takers.splice(0)) taker(undefined);
    if (this.#processing.size === 0) for (const resolve of this.#drained.splice(0)) resolve();
  }
}

/**
 * Runs `work` for each key, at most `workers` at a time, until the queue is shut down and empty. `work` must not throw
 * but for a bug: it decides itself whether a key comes again. A throw ends the run with it.
 */
export async function runWorkers<K extends string>(
  queue: WorkQueue<K>,
  workers: number,
  work: (key: K) => Promise<void>,
): Promise<void> {
  assert(workers >= 1, 'a queue needs a worker');
  const worker = async (): Promise<void> => {
    for (;;) {
      const key = await queue.take();
      if (key === undefined) return;
      try {
        await work(key);
      } finally {
        queue.done(key);
      }
    }
  };
  try {
    await Promise.all(Array.from({ length: workers }, worker));
  } finally {
    queue.shutDown();
  }
}
