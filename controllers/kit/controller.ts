// A controller: events of informers become keys, a work queue gives each key to a reconcile, never twice at a time.
import { map, mergeMap, type Observable, Subscription } from 'rxjs';
import { type ApiObject, isApiError } from '../../apis/index.ts';
import {
  type BackoffOptions,
  type Clock,
  type Log,
  type Random,
  runWorkers,
  WorkQueue,
  type WorkQueueMetrics,
} from '../../base/index.ts';
import { allSynced, type Informer } from '../../client/index.ts';

/** What a reconcile wants next; nothing: whatever the next event of its key brings. */
export interface Result {
  /** Look again in so many milliseconds, if no event comes before. */
  readonly requeueAfterMs?: number;
}

/** Looks at what `key` names and does what is to do; running twice does nothing the second time. A throw comes again. */
export type Reconcile = (key: string, signal: AbortSignal) => Promise<Result>;

/** What a controller works with; it closes none of it. */
export interface ControllerDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** What a controller is called, what it does with a key, and how often. */
export interface ControllerOptions {
  readonly name: string;
  readonly reconcile: Reconcile;
  /** How many keys are worked on at a time; default 1. */
  readonly workers?: number;
  /** Waits after errors of a key; default 5 ms doubling to 60 s, full jitter. */
  readonly backoff?: BackoffOptions;
  readonly metrics?: WorkQueueMetrics;
}

interface Source {
  readonly informer: { readonly synced: Promise<void>; start(): void };
  readonly keys$: Observable<string>;
}

/** Build it with `watch`, then `run` it once; further kinds may be watched while it runs. */
export class Controller {
  readonly name: string;
  readonly #log: Log;
  readonly #reconcile: Reconcile;
  readonly #workers: number;
  readonly #queue: WorkQueue;
  readonly #sources = new Set<Source>();
  /** What is done with a source that comes while the controller runs. */
  #take: ((source: Source) => void) | undefined;

  constructor(deps: ControllerDeps, options: ControllerOptions) {
    this.name = options.name;
    this.#log = deps.log.with({ controller: options.name });
    this.#reconcile = options.reconcile;
    this.#workers = options.workers ?? 1;
    this.#queue = new WorkQueue({
      clock: deps.clock,
      random: deps.random,
      ...(options.backoff !== undefined && { backoff: options.backoff }),
      ...(options.metrics !== undefined && { metrics: options.metrics }),
    });
  }

  /** Queues what `keysOf` gives for each object that comes, changes (as it was and as it is) or goes (`isGone`). */
  watch<T extends ApiObject>(informer: Informer<T>, keysOf: (object: T, isGone: boolean) => readonly string[]): this {
    const keys$ = informer.events$.pipe(
      map((event) => {
        const keys = keysOf(event.object, event.type === 'deleted');
        return event.type === 'updated' ? [...keysOf(event.old, false), ...keys] : keys;
      }),
      mergeMap((keys) => keys),
    );
    const source = { informer, keys$ };
    this.#sources.add(source);
    this.#take?.(source);
    return this;
  }

  /** Asks to look at `key`. */
  enqueue(key: string): void {
    this.#queue.add(key);
  }

  /** Works from when all its informers are in sync until `signal` aborts; resolves when the last reconcile has ended. */
  async run(signal: AbortSignal): Promise<void> {
    const first = [...this.#sources].map(({ informer }) => informer);
    this.#take = ({ informer }) => informer.start();
    for (const informer of first) informer.start();
    if (!(await allSynced(first, signal))) return;
    const subscriptions = new Set<Subscription>();
    this.#take = (source) => {
      source.informer.start();
      const subscription = new Subscription();
      subscriptions.add(subscription);
      // It completes when the informer has ended, as its kind is gone.
      const complete = (): void => void (this.#sources.delete(source) && subscriptions.delete(subscription));
      subscription.add(source.keys$.subscribe({ next: (key) => this.#queue.add(key), complete }));
    };
    for (const source of this.#sources) this.#take(source);
    const stop = (): void => this.#queue.shutDown();
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    try {
      await runWorkers(this.#queue, this.#workers, (key) => this.#work(key, signal));
    } finally {
      signal.removeEventListener('abort', stop);
      this.#take = undefined;
      for (const subscription of subscriptions) subscription.unsubscribe();
    }
  }

  async #work(key: string, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    try {
      const { requeueAfterMs } = await this.#reconcile(key, signal);
      this.#queue.forget(key);
      if (requeueAfterMs !== undefined) this.#queue.addAfter(key, requeueAfterMs);
    } catch (cause) {
      if (signal.aborted) return;
      // A conflict is how optimistic concurrency works: the cache was behind, and its next event is on the way.
      const level = isApiError(cause, 'Conflict') ? 'debug' : 'warn';
      const failures = this.#queue.failures(key);
      this.#log[level]('reconcile failed, will try again', { key, failures, cause: String(cause) });
      this.#queue.addRateLimited(key);
    }
  }
}
