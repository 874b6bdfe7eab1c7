// A cache of the objects of one kind that follows the API: streams a list, then its changes, resumes where it was when the
// stream ends, lists anew when its version is forgotten. The cache never goes back in time.
import { Observable, Subject } from 'rxjs';
import { type ApiObject, isApiError, type Kind, type Ref, type WatchEvent } from '../apis/index.ts';
import {
  type BackoffOptions,
  backoffMs,
  type Clock,
  type Log,
  type Random,
  sleep,
  whenAborted,
} from '../base/index.ts';
import type { Client, WatchOptions } from './client.ts';
import { deepFreeze } from './json.ts';

/** A change of the cache. Objects are frozen. */
export type InformerEvent<T> =
  | { readonly type: 'added'; readonly object: T }
  | { readonly type: 'updated'; readonly object: T; readonly old: T }
  | { readonly type: 'deleted'; readonly object: T };

/** The values under which an object is found with `byIndex`. */
export type Indexer<T> = (object: T) => readonly string[];

/** What an informer works with; it closes none of it. */
export interface InformerDeps {
  readonly client: Client;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** Which objects an informer keeps. */
export interface InformerOptions<T> {
  readonly kind: Kind<T>;
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly metadataOnly?: boolean;
  /** Waits between attempts while the API fails; default 100 ms doubling to 5 s. */
  readonly backoff?: BackoffOptions;
}

const defaultBackoff: BackoffOptions = { baseMs: 100, capMs: 5_000 };

/**
 * Follows one kind. Its memory is bounded by what its selection matches; nothing else is kept. It runs from `start` to its
 * disposal and survives every error of the API by trying again.
 */
export class Informer<T extends ApiObject> implements AsyncDisposable {
  readonly kind: Kind<T>;
  readonly #deps: InformerDeps;
  readonly #options: InformerOptions<T>;
  readonly #objects = new Map<string, T>();
  readonly #indexes = new Map<string, { readonly of: Indexer<T>; readonly keys: Map<string, Set<string>> }>();
  readonly #events = new Subject<InformerEvent<T>>();
  readonly #relists = new Subject<void>();
  readonly #abort = new AbortController();
  readonly #synced: Promise<void>;
  #settleSynced: { resolve: () => void; reject: (why: Error) => void } | undefined;
  #isSynced = false;
  #mustList = true;
  #running: Promise<void> | undefined;
  /** How far the cache is; 0: nothing yet. Grows only. */
  #version = 0;

  constructor(deps: InformerDeps, options: InformerOptions<T>) {
    this.kind = options.kind;
    this.#deps = deps;
    this.#options = options;
    this.#synced = new Promise((resolve, reject) => (this.#settleSynced = { resolve, reject }));
    // Nobody need wait for it.
    this.#synced.catch(() => {});
  }

  /** Resolves when the cache holds what the API held at some time after `start`; rejects when disposed before. */
  get synced(): Promise<void> {
    return this.#synced;
  }

  get isSynced(): boolean {
    return this.#isSynced;
  }

  /** The version the cache is at. */
  get resourceVersion(): string {
    return String(this.#version);
  }

  /** What is in the cache as `added`, then every change of it in order. Completes when the informer is disposed. */
  get events$(): Observable<InformerEvent<T>> {
    return new Observable((subscriber) => {
      for (const object of this.#objects.values()) subscriber.next({ type: 'added', object });
      return this.#events.subscribe(subscriber);
    });
  }

  /**
   * Tells of every list but the first, in the same turn as the differences and after them: what came between is not known
   * one by one, and the store may be another (restored from a copy).
   */
  get relists$(): Observable<void> {
    return this.#relists;
  }

  /** Begins to follow; a second call does nothing. */
  start(): void {
    this.#running ??= this.#run();
  }

  /** Files objects under what `indexer` gives, for `byIndex`; a name that is taken keeps its first indexer. */
  addIndexer(name: string, indexer: Indexer<T>): void {
    if (this.#indexes.has(name)) return;
    this.#indexes.set(name, { of: indexer, keys: new Map() });
    for (const [key, object] of this.#objects) this.#index(key, object);
  }

  /** The object as last seen, frozen. */
  get(ref: Ref): T | undefined {
    return this.#objects.get(keyOf(ref));
  }

  /** All objects, or those of one herd, in no order; frozen. */
  list(namespace?: string): readonly T[] {
    const all = [...this.#objects.values()];
    return namespace === undefined ? all : all.filter((object) => object.metadata.namespace === namespace);
  }

  /** The objects that the indexer `name` filed under `value`. */
  byIndex(name: string, value: string): readonly T[] {
    const keys = this.#indexes.get(name)?.keys.get(value) ?? [];
    return [...keys].flatMap((key) => this.#objects.get(key) ?? []);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort();
    this.#settleSynced?.reject(new Error(`the informer of ${this.kind.plural} ended before it was in sync`));
    await this.#running;
    this.#events.complete();
    this.#relists.complete();
  }

  async #run(): Promise<void> {
    const { clock, random, log } = this.#deps;
    const { signal } = this.#abort;
    let failures = 0;
    while (!signal.aborted) {
      const before = this.#version;
      try {
        await (this.#mustList ? this.#listAndFollow() : this.#follow());
      } catch (cause) {
        if (isApiError(cause, 'Expired', 'Gone')) this.#mustList = true;
        else log.warn('watch failed, will try again', { resource: this.kind.plural, failures, cause: String(cause) });
      }
      // Whoever made progress starts over at once; a server that ends streams without a word is left in peace.
      failures = this.#version > before ? 0 : failures + 1;
      if (failures === 0 || signal.aborted) continue;
      const waitMs = backoffMs(failures - 1, this.#options.backoff ?? defaultBackoff, random);
      await sleep(clock, waitMs, signal).catch(() => {});
    }
  }

  /** Takes the whole list from a stream, then stays on the stream. */
  async #listAndFollow(): Promise<void> {
    let initial: Map<string, T> | undefined = new Map();
    for await (const event of this.#watch({})) {
      if (initial === undefined) this.#apply(event);
      else if (event.type === 'BOOKMARK') {
        if (!event.initialEventsEnd) continue;
        this.#replace(initial, versionNumber(event.resourceVersion));
        initial = undefined;
      } else if (event.type === 'DELETED') initial.delete(keyOfObject(event.object));
      else initial.set(keyOfObject(event.object), event.object);
    }
  }

  async #follow(): Promise<void> {
    for await (const event of this.#watch({ resourceVersion: this.resourceVersion })) this.#apply(event);
  }

  async *#watch(from: WatchOptions): AsyncIterable<WatchEvent<T>> {
    const { kind, namespace, labelSelector, fieldSelector, metadataOnly } = this.#options;
    const { signal } = this.#abort;
    const options: WatchOptions = {
      ...from,
      signal,
      ...(namespace !== undefined && { namespace }),
      ...(labelSelector !== undefined && { labelSelector }),
      ...(fieldSelector !== undefined && { fieldSelector }),
      ...(metadataOnly !== undefined && { metadataOnly }),
    };
    for await (const event of this.#deps.client.watch(kind, options)) {
      if (signal.aborted) return;
      yield event;
    }
  }

  /** Makes the cache equal to a list taken at `version`, telling the differences. */
  #replace(listed: ReadonlyMap<string, T>, version: number): void {
    // A server that is behind what was already seen would take the cache back in time.
    if (version < this.#version)
      throw new Error(`the list is at version ${version}, older than ${this.#version} which was seen before`);
    const gone = [...this.#objects].filter(([key]) => !listed.has(key));
    this.#version = version;
    this.#mustList = false;
    for (const [key, object] of gone) this.#remove(key, object);
    for (const [key, object] of listed) {
      // The same name with another uid was deleted and made anew while nobody looked.
      const old = this.#objects.get(key);
      if (old !== undefined && old.metadata.uid !== object.metadata.uid) this.#remove(key, old);
      if (old?.metadata.resourceVersion !== object.metadata.resourceVersion) this.#store(key, object);
    }
    if (this.#isSynced) return this.#relists.next();
    this.#isSynced = true;
    this.#settleSynced?.resolve();
  }

  #apply(event: WatchEvent<T>): void {
    if (event.type === 'BOOKMARK') {
      this.#version = Math.max(this.#version, versionNumber(event.resourceVersion));
      return;
    }
    // Events of one kind come in the order of their versions: what is not newer was told before.
    const version = versionNumber(event.object.metadata.resourceVersion);
    if (version <= this.#version) return;
    const key = keyOfObject(event.object);
    const old = this.#objects.get(key);
    this.#version = version;
    if (event.type !== 'DELETED') {
      if (old !== undefined && old.metadata.uid !== event.object.metadata.uid) this.#remove(key, old);
      this.#store(key, event.object);
    } else if (old !== undefined) this.#remove(key, event.object);
  }

  #store(key: string, object: T): void {
    deepFreeze(object);
    const old = this.#objects.get(key);
    if (old !== undefined) this.#unindex(key, old);
    this.#objects.set(key, object);
    this.#index(key, object);
    this.#events.next(old === undefined ? { type: 'added', object } : { type: 'updated', object, old });
  }

  #remove(key: string, object: T): void {
    deepFreeze(object);
    const old = this.#objects.get(key);
    if (old !== undefined) this.#unindex(key, old);
    this.#objects.delete(key);
    this.#events.next({ type: 'deleted', object });
  }

  #index(key: string, object: T): void {
    for (const index of this.#indexes.values())
      for (const value of index.of(object)) {
        const keys = index.keys.get(value);
        if (keys === undefined) index.keys.set(value, new Set([key]));
        else keys.add(key);
      }
  }

  #unindex(key: string, object: T): void {
    for (const index of this.#indexes.values())
      for (const value of index.of(object)) {
        const keys = index.keys.get(value);
        keys?.delete(key);
        if (keys?.size === 0) index.keys.delete(value);
      }
  }
}

/** Resolves to whether all of the informers are in sync before the signal aborts. */
export async function allSynced(
  informers: readonly { readonly synced: Promise<void> }[],
  signal: AbortSignal,
): Promise<boolean> {
  const synced = Promise.all(informers.map((informer) => informer.synced)).then(
    () => true,
    () => false,
  );
  return Promise.race([synced, whenAborted(signal).then(() => false)]);
}

function versionNumber(text: string | undefined): number {
  const version = Number(text);
  if (!Number.isSafeInteger(version) || version <= 0) throw new Error(`"${text ?? ''}" is no version of an object`);
  return version;
}

const keyOf = ({ namespace, name }: Ref): string => (namespace === undefined ? name : `${namespace}/${name}`);
const keyOfObject = ({ metadata: { namespace, name = '' } }: ApiObject): string =>
  keyOf(namespace === undefined ? { name } : { namespace, name });
