// Which kinds the garbage collector follows: the built-in ones that may be owned, and every kind that users define, as it
// comes and goes.
import type { Subscription } from 'rxjs';
import {
  type ApiObject,
  apiVersionOf,
  type CustomResourceDefinition,
  type Kind,
  type KindInfo,
  kindInfos,
  kinds,
  kindsOfDefinition,
  type OwnerReference,
  type Ref,
  resourceOf,
} from '../../apis/index.ts';
import type { Informer } from '../../client/index.ts';
import { type ControllerContext, servedKindOf } from '../kit/index.ts';

/** Kinds that other controllers follow whole anyway. */
const wholeKinds: readonly KindInfo[] = [
  kinds.bundles,
  kinds.contracts,
  kinds.customResourceDefinitions,
  kinds.herds,
  kinds.nodes,
  kinds.pipelines,
  kinds.runs,
  kinds.slices,
];
/** Kinds that nothing owns: many, and short-lived by other rules. */
const leftOut: readonly KindInfo[] = [kinds.events, kinds.leases];

/** A kind that is followed. */
export interface Followed {
  readonly kind: Kind<ApiObject>;
  readonly informer: Informer<ApiObject>;
}

interface Custom extends Followed {
  readonly subscription: Subscription;
}

/** The kinds that are followed, by their resource: `widgets.example.com`. */
export class FollowedKinds {
  readonly definitions: Informer<CustomResourceDefinition>;
  readonly builtIn: readonly Followed[];
  readonly #informers: ControllerContext['informers'];
  /** By the definition's name, which is the resource. */
  readonly #custom = new Map<string, Custom>();

  constructor({ informers }: ControllerContext) {
    this.#informers = informers;
    this.definitions = informers.of(kinds.customResourceDefinitions);
    this.builtIn = kindInfos
      .filter((kind) => kind.projectionOf === undefined && kind.verbs === undefined && !leftOut.includes(kind))
      .map((kind) => ({
        kind,
        informer: withOwners(informers.of(kind, wholeKinds.includes(kind) ? {} : { metadataOnly: true })),
      }));
  }

  all(): readonly Followed[] {
    return [...this.builtIn, ...this.#custom.values()];
  }

  /** The kind of a resource, if it is followed. */
  of(resource: string): Followed | undefined {
    return this.#custom.get(resource) ?? this.builtIn.find(({ kind }) => resourceOf(kind) === resource);
  }

  /** The kind that an owner is of, whether it is followed or not; undefined when nobody knows it. */
  kindOfOwner({ kind, apiVersion }: Pick<OwnerReference, 'kind' | 'apiVersion'>): KindInfo | undefined {
    const isIt = (info: KindInfo) => info.kind === kind && apiVersionOf(info) === apiVersion;
    return kindInfos.find(isIt) ?? this.definitions.list().flatMap(kindsOfDefinition).find(isIt);
  }

  /**
   * Begins or ends to follow the kind of a definition, as it is now. `join` has what is followed looked at; `left` is told
   * what was there when the kind itself is gone.
   */
  async look(
    name: string,
    join: (followed: Followed) => Subscription,
    left: (objects: readonly ApiObject[]) => void,
  ): Promise<void> {
    const definition = this.definitions.get({ name });
    const wanted = definition === undefined ? undefined : servedKindOf(definition);
    const now = this.#custom.get(name);
    if (now !== undefined && wanted !== undefined && isSame(now.kind, wanted)) return;
    if (now !== undefined) {
      this.#custom.delete(name);
      now.subscription.unsubscribe();
      const objects = now.informer.list();
      await this.#informers.drop(now.informer);
      if (definition?.metadata.uid !== now.kind.definition?.uid) left(objects);
    }
    if (wanted === undefined) return;
    const informer = withOwners(this.#informers.own<ApiObject>(wanted, { metadataOnly: true }));
    const followed = { kind: wanted, informer };
    this.#custom.set(name, { ...followed, subscription: join(followed) });
  }
}

/** An owner in the herd of what it owns, or in the cluster. */
export function refOfOwner(kind: KindInfo, name: string, namespace: string | undefined): Ref {
  return kind.scope === 'Namespaced' && namespace !== undefined ? { namespace, name } : { name };
}

function isSame(a: KindInfo, b: KindInfo): boolean {
  return a.definition?.uid === b.definition?.uid && a.version === b.version && a.plural === b.plural;
}

function withOwners(informer: Informer<ApiObject>): Informer<ApiObject> {
  informer.addIndexer('owner', ({ metadata }) => (metadata.ownerReferences ?? []).map(({ uid }) => uid));
  return informer;
}
