import type { ApiObject, Kind } from '../../apis/index.ts';
import { Lifetime } from '../../base/index.ts';
import { Informer, type InformerDeps, type InformerOptions } from '../../client/index.ts';

/** What of a kind is followed. */
export type Selection = Pick<
  InformerOptions<ApiObject>,
  'namespace' | 'labelSelector' | 'fieldSelector' | 'metadataOnly'
>;

/** One informer per kind and selection, shared by all controllers of a process. Disposing ends them all. */
export class Informers implements AsyncDisposable {
  readonly #deps: InformerDeps;
  readonly #shared = new Map<string, unknown>();
  readonly #own = new Set<AsyncDisposable>();
  readonly #lifetime = new Lifetime();

  constructor(deps: InformerDeps) {
    this.#deps = deps;
  }

  /** The shared informer; made when it is first asked for, started by the first controller that runs with it. */
  of<T extends ApiObject>(kind: Kind<T>, selection: Selection = {}): Informer<T> {
    const key = JSON.stringify([kind.group, kind.plural, selection]);
    const there = this.#shared.get(key);
    // The key holds the kind, and a kind determines T.
    if (there !== undefined) return there as Informer<T>;
    const made = new Informer<T>(this.#deps, { kind, ...selection });
    this.#shared.set(key, made);
    this.#lifetime.use(made);
    return made;
  }

  /** An informer of the caller's own, of a kind that may go: the caller ends it with `drop`, or it ends with all others. */
  own<T extends ApiObject>(kind: Kind<T>, selection: Selection = {}): Informer<T> {
    const made = new Informer<T>(this.#deps, { kind, ...selection });
    this.#own.add(made);
    return made;
  }

  /** Ends an informer that `own` gave. */
  async drop(informer: AsyncDisposable): Promise<void> {
    this.#own.delete(informer);
    await informer[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#own].map((informer) => this.drop(informer)));
    await this.#lifetime[Symbol.asyncDispose]();
  }
}
