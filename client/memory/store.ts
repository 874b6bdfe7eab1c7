// Objects under revisions with a bounded history, and watches over it.
import { ApiError, type KindInfo } from '../../apis/index.ts';
import { deepFreeze } from '../json.ts';
import type { Fields } from './rules.ts';

/** One change. `object` of a removal is the last state with the removing revision. */
export interface Change {
  readonly revision: number;
  readonly resource: string;
  readonly object: Fields;
  readonly previous: Fields | undefined;
  readonly isRemoval: boolean;
}

/** The revisioned state behind the memory twin. Everything in it is frozen. */
export class MemoryStore {
  revision = 1;
  readonly #objects = new Map<string, Fields>();
  #history: Change[] = [];
  /** Changes up to here are forgotten. */
  #compacted = 1;
  #wakers: (() => void)[] = [];
  readonly #historyMax: number;

  /** Of its changes it remembers the last `historyMax`; older ones are Expired. */
  constructor(historyMax: number) {
    this.#historyMax = historyMax;
  }

  get(kind: KindInfo, namespace: string | undefined, name: string): Fields | undefined {
    return this.#objects.get(keyOf(kind, namespace, name));
  }

  /** In the order of their keys. */
  list(kind: KindInfo, namespace: string | undefined): readonly Fields[] {
    const prefix = `${resource(kind)}/${namespace === undefined ? '' : `${namespace}/`}`;
    const keys = [...this.#objects.keys()].filter((key) => key.startsWith(prefix)).sort();
    return keys.flatMap((key) => this.#objects.get(key) ?? []);
  }

  put(kind: KindInfo, object: Fields): Fields {
    const revision = ++this.revision;
    const stored = versioned(object, revision);
    const key = keyOf(kind, object.metadata.namespace, object.metadata.name ?? '');
    const previous = this.#objects.get(key);
    this.#objects.set(key, stored);
    this.#record({ revision, resource: resource(kind), object: stored, previous, isRemoval: false });
    return stored;
  }

  remove(kind: KindInfo, object: Fields): void {
    const revision = ++this.revision;
    const key = keyOf(kind, object.metadata.namespace, object.metadata.name ?? '');
    const previous = this.#objects.get(key);
    this.#objects.delete(key);
    this.#record({
      revision,
      resource: resource(kind),
      object: versioned(object, revision),
      previous,
      isRemoval: true,
    });
  }

  /** Forgets the history: watches from before now are Expired. */
  compact(): void {
    this.#history = [];
    this.#compacted = this.revision;
  }

  /** The changes of a kind after `revision`, oldest first. Errors: Expired when some of them are forgotten. */
  changesAfter(kind: KindInfo, revision: number): readonly Change[] {
    if (revision < this.#compacted)
      throw new ApiError('Expired', `too old resource version: ${revision} (${this.#compacted})`);
    if (revision > this.revision)
      throw new ApiError('Timeout', `Timeout: Too large resource version: ${revision}, current: ${this.revision}`);
    return this.#history.filter((change) => change.revision > revision && change.resource === resource(kind));
  }

  /** Resolves at the next change or when `signal` aborts. */
  changed(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const wake = (): void => {
        signal.removeEventListener('abort', wake);
        resolve();
      };
      signal.addEventListener('abort', wake, { once: true });
      this.#wakers.push(wake);
    });
  }

  #record(change: Change): void {
    this.#history.push(change);
    if (this.#history.length > this.#historyMax) {
      const forgotten = this.#history.splice(0, this.#history.length - this.#historyMax);
      this.#compacted = forgotten.at(-1)?.revision ?? this.#compacted;
    }
    for (const wake of this.#wakers.splice(0)) wake();
  }
}

const resource = (kind: KindInfo): string => `${kind.group}/${kind.plural}`;
const keyOf = (kind: KindInfo, namespace: string | undefined, name: string): string =>
  `${resource(kind)}/${kind.scope === 'Namespaced' ? `${namespace ?? ''}/` : ''}${name}`;

function versioned(object: Fields, revision: number): Fields {
  const copy = structuredClone(object);
  return deepFreeze({ ...copy, metadata: { ...copy.metadata, resourceVersion: String(revision) } });
}
