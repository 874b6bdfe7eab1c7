// Every kind that the API serves, each followed by a shared informer: ours from the start, those of users as they come and go.
import { type ApiObject, type CustomResourceDefinition, type Kind, kindInfos, kinds } from '../../apis/index.ts';
import type { Informer } from '../../client/index.ts';
import { servedKindOf } from './custom-kinds.ts';
import type { Informers } from './informers.ts';

/** A kind and its informer, which has the metadata of its objects at least. */
export interface Followed {
  readonly kind: Kind<ApiObject>;
  readonly informer: Informer<ApiObject>;
}

/** Who wants to know. What is followed already when one begins to listen is told at once. */
export interface FollowListener {
  began(followed: Followed): void;
  /** Its kind is gone, and with it all that its informer last had. */
  ended?(followed: Followed): void;
}

/** Kinds that other controllers follow whole anyway. */
const wholeKinds: readonly Kind<ApiObject>[] = [
  kinds.bundles,
  kinds.contracts,
  kinds.customResourceDefinitions,
  kinds.herds,
  kinds.nodes,
  kinds.pipelines,
  kinds.runs,
  kinds.slices,
];
/** Many, changed all the time, and owned by nothing. */
const leftOut: readonly Kind<ApiObject>[] = [kinds.events, kinds.leases];

/** Follows all kinds but events, leases and projections. Its informers are shared, and end with `Informers`. */
export class FollowedKinds {
  readonly definitions: Informer<CustomResourceDefinition>;
  readonly #informers: Informers;
  readonly #followed = new Map<string, Followed>();
  readonly #listeners: FollowListener[] = [];

  constructor(informers: Informers) {
    this.#informers = informers;
    this.definitions = informers.of(kinds.customResourceDefinitions);
    for (const kind of kindInfos)
      if (kind.projectionOf === undefined && !leftOut.includes(kind)) this.#begin(kind, wholeKinds.includes(kind));
    this.definitions.events$.subscribe(({ type, object }) => this.#take(object, type === 'deleted'));
  }

  /** All kinds that are followed now. */
  all(): readonly Followed[] {
    return [...this.#followed.values()];
  }

  /** The kind that `apiVersion` and `kind` name, in whichever version. */
  named(apiVersion: string, kind: string): Followed | undefined {
    const slash = apiVersion.indexOf('/');
    const group = slash < 0 ? '' : apiVersion.slice(0, slash);
    return this.all().find((one) => one.kind.kind === kind && one.kind.group === group);
  }

  /** Whether nothing is left out of what the caches say. */
  get isSynced(): boolean {
    return this.definitions.isSynced && this.all().every(({ informer }) => informer.isSynced);
  }

  /** Tells of every kind that comes or goes. */
  listen(listener: FollowListener): void {
    this.#listeners.push(listener);
    for (const one of this.all()) listener.began(one);
  }

  #take(definition: CustomResourceDefinition, isGone: boolean): void {
    const kind: Kind<ApiObject> | undefined = isGone ? undefined : servedKindOf(definition);
    const before = this.#followed.get(`${definition.spec.group}/${definition.spec.names.plural}`);
    if (before !== undefined && before.kind.definition !== undefined && !isSameKind(before.kind, kind))
      this.#end(before);
    if (kind !== undefined && !isSameKind(before?.kind, kind)) this.#begin(kind, false);
  }

  #begin(kind: Kind<ApiObject>, isWhole: boolean): void {
    const selection = isWhole ? {} : { metadataOnly: true };
    const informer =
      kind.definition === undefined ? this.#informers.of(kind, selection) : this.#informers.own(kind, selection);
    const followed = { kind, informer };
    this.#followed.set(keyOf(kind), followed);
    for (const listener of this.#listeners) listener.began(followed);
  }

  #end(followed: Followed): void {
    this.#followed.delete(keyOf(followed.kind));
    for (const listener of this.#listeners) listener.ended?.(followed);
    void this.#informers.drop(followed.informer);
  }
}

const keyOf = ({ group, plural }: Kind<ApiObject>): string => `${group}/${plural}`;

/** Whether they are found at the same place and were defined by the same object. */
function isSameKind(a: Kind<ApiObject> | undefined, b: Kind<ApiObject> | undefined): boolean {
  return (
    a !== undefined &&
    b !== undefined &&
    a.version === b.version &&
    a.scope === b.scope &&
    a.kind === b.kind &&
    a.definition?.uid === b.definition?.uid
  );
}
