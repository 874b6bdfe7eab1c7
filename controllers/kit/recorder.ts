// Events: what went wrong with an object, counted per object and reason. Only the abnormal is told.
import { createHash } from 'node:crypto';
import { type ApiObject, type EventObject, isApiError, kinds } from '../../apis/index.ts';
import { type Clock, type Log, type Random, runWorkers, WorkQueue } from '../../base/index.ts';
import type { Client } from '../../client/index.ts';

/** What a recorder works with, and in whose name it tells. */
export interface EventRecorderDeps {
  readonly client: Client;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Program that tells, e.g. runink-scheduler. */
  readonly component: string;
}

interface Pending {
  readonly object: ApiObject;
  readonly reason: string;
  readonly message: string;
  readonly count: number;
  readonly atMs: number;
}

/** Objects and reasons whose events are not yet written; at the bound new ones are dropped (and logged). */
const pendingMax = 1_000;
const attemptsMax = 5;
/** Repetitions within this time are one write. */
const gatherMs = 1_000;

/** Writes Events in the background; never throws, never blocks. Dispose it to write what waits. */
export class EventRecorder implements AsyncDisposable {
  readonly #deps: EventRecorderDeps;
  readonly #queue: WorkQueue;
  readonly #pending = new Map<string, Pending>();
  /** When an event was last written; forgotten at `pendingMax`, which costs only a write more. */
  readonly #writtenMs = new Map<string, number>();
  readonly #running: Promise<void>;

  constructor(deps: EventRecorderDeps) {
    this.#deps = deps;
    this.#queue = new WorkQueue({ clock: deps.clock, random: deps.random });
    this.#running = runWorkers(this.#queue, 1, (key) => this.#write(key));
  }

  /** Tells that something abnormal happened to `object`: a warning with a CamelCase reason and words for people. */
  warn(object: ApiObject, reason: string, message: string): void {
    const key = eventName(object, reason, this.#deps.component);
    const before = this.#pending.get(key);
    if (before === undefined && this.#pending.size >= pendingMax) {
      this.#deps.log.warn('too many events wait, one is dropped', { reason, object: object.metadata.name });
      return;
    }
    const count = (before?.count ?? 0) + 1;
    this.#pending.set(key, { object, reason, message, count, atMs: this.#deps.clock.now() });
    const sinceMs = this.#deps.clock.monotonicMs() - (this.#writtenMs.get(key) ?? Number.NEGATIVE_INFINITY);
    this.#queue.addAfter(key, Math.max(0, gatherMs - sinceMs));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#queue.drain();
    await this.#running;
    for (const key of this.#pending.keys()) await this.#write(key);
  }

  async #write(key: string): Promise<void> {
    const pending = this.#pending.get(key);
    if (pending === undefined) return;
    this.#pending.delete(key);
    try {
      await this.#count(key, pending);
      this.#queue.forget(key);
      if (this.#writtenMs.size >= pendingMax) this.#writtenMs.clear();
      this.#writtenMs.set(key, this.#deps.clock.monotonicMs());
    } catch (cause) {
      this.#again(key, pending, cause);
    }
  }

  async #count(name: string, { object, reason, message, count, atMs }: Pending): Promise<void> {
    const { client, component } = this.#deps;
    const namespace = object.metadata.namespace ?? 'default';
    const lastTimestamp = rfc3339(atMs);
    const there = await client.get(kinds.events, { namespace, name }).catch((cause: unknown) => {
      if (isApiError(cause, 'NotFound')) return undefined;
      throw cause;
    });
    if (there !== undefined) {
      await client.update(kinds.events, { ...there, message, lastTimestamp, count: (there.count ?? 1) + count });
      return;
    }
    const event: EventObject = {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name, namespace },
      involvedObject: involved(object),
      reason,
      message,
      type: 'Warning',
      count,
      firstTimestamp: lastTimestamp,
      lastTimestamp,
      source: { component },
      reportingComponent: component,
    };
    await client.create(kinds.events, event);
  }

  #again(key: string, pending: Pending, cause: unknown): void {
    // The herd or the object is gone, or we may not: trying again will not help.
    const isFinal = isApiError(cause, 'NotFound', 'Forbidden', 'Invalid', 'BadRequest');
    if (isFinal || this.#queue.failures(key) >= attemptsMax) {
      this.#queue.forget(key);
      this.#deps.log.info('event was not written', { reason: pending.reason, cause: String(cause) });
      return;
    }
    if (this.#queue.isShutDown) return;
    const newer = this.#pending.get(key);
    this.#pending.set(key, newer === undefined ? pending : { ...newer, count: newer.count + pending.count });
    this.#queue.addRateLimited(key);
  }
}

/** The same object and reason always have the same name, so that every process counts in the same Event. */
function eventName(object: ApiObject, reason: string, component: string): string {
  const { name = '', uid = '' } = object.metadata;
  const hash = createHash('sha256')
    .update(JSON.stringify([object.kind, uid, reason, component]))
    .digest('hex');
  return `${name.slice(0, 200)}.${hash.slice(0, 16)}`;
}

function involved(object: ApiObject): EventObject['involvedObject'] {
  const { name, namespace, uid, resourceVersion } = object.metadata;
  return {
    ...(object.apiVersion !== undefined && { apiVersion: object.apiVersion }),
    ...(object.kind !== undefined && { kind: object.kind }),
    ...(name !== undefined && { name }),
    ...(namespace !== undefined && { namespace }),
    ...(uid !== undefined && { uid }),
    ...(resourceVersion !== undefined && { resourceVersion }),
  };
}

const rfc3339 = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;
