// Deletes what is owned by what is gone. Follows every kind that may be owned, by metadata alone where nobody needs more.
import {
  type ApiObject,
  apiVersionOf,
  type Kind,
  kindInfos,
  kinds,
  type OwnerReference,
  type Ref,
} from '../../apis/index.ts';
import type { Informer } from '../../client/index.ts';
import { Controller, type ControllerContext, keyOf, orGone, type Result, refOfKey } from '../kit/index.ts';
import { type GarbageAction, type OwnerState, planGarbage } from './plan.ts';

/** Kinds that other controllers follow whole anyway. */
const wholeKinds: readonly string[] = [kinds.bundles, kinds.contracts, kinds.pipelines, kinds.runs, kinds.slices].map(
  ({ kind }) => kind,
);
/** Kinds that nothing owns: many, and short-lived by other rules. */
const leftOut: readonly string[] = [kinds.events.kind, kinds.leases.kind];
/** Uids known to be gone, so that the dependents of one object do not each ask the server. Uids never come back. */
const goneMax = 10_000;

interface Followed {
  readonly kind: Kind<ApiObject>;
  readonly informer: Informer<ApiObject>;
}
interface Dependent extends ApiObject {
  readonly followed: Followed;
}

/** The garbage collector. */
export function garbageCollector(context: ControllerContext): Controller {
  const { client } = context;
  const followed = kindInfos
    .filter(
      ({ kind, scope, projectionOf }) =>
        scope === 'Namespaced' && projectionOf === undefined && !leftOut.includes(kind),
    )
    .map((kind: Kind<ApiObject>): Followed => {
      const informer = context.informers.of(kind, wholeKinds.includes(kind.kind) ? {} : { metadataOnly: true });
      informer.addIndexer('owner', ({ metadata }) => (metadata.ownerReferences ?? []).map(({ uid }) => uid));
      return { kind, informer };
    });
  const gone = new Set<string>();

  async function reconcile(text: string): Promise<Result> {
    const [kindName = '', key = ''] = text.split(':');
    const own = followed.find(({ kind }) => kind.kind === kindName);
    const object = own?.informer.get(refOfKey(key));
    if (own === undefined || object === undefined) return {};
    const owners = [];
    for (const reference of object.metadata.ownerReferences ?? [])
      owners.push({ reference, state: await stateOf(reference, object.metadata.namespace) });
    // Asked only when it matters: a run may own many slices.
    const dependents = object.metadata.deletionTimestamp === undefined ? [] : dependentsOf(object);
    for (const action of planGarbage({ object, owners, dependents })) await act(own, object, action);
    return {};
  }

  function dependentsOf({ metadata: { uid = '' } }: ApiObject): readonly Dependent[] {
    return followed.flatMap((one) =>
      one.informer.byIndex('owner', uid).map(({ metadata }): Dependent => ({ metadata, followed: one })),
    );
  }

  function isDying({ kind, name }: OwnerReference, namespace: string): boolean {
    const owner = followed.find((one) => one.kind.kind === kind)?.informer.get({ namespace, name });
    return owner?.metadata.deletionTimestamp !== undefined;
  }

  async function stateOf(reference: OwnerReference, namespace: string | undefined): Promise<OwnerState> {
    if (gone.has(reference.uid)) return 'absent';
    const kind = kindInfos.find((info) => info.kind === reference.kind && apiVersionOf(info) === reference.apiVersion);
    if (kind === undefined) return 'unknown';
    const isHeld = kind.scope === 'Namespaced' && namespace !== undefined;
    const ref: Ref = isHeld ? { namespace, name: reference.name } : { name: reference.name };
    const cached = followed.find((one) => one.kind.kind === kind.kind)?.informer.get(ref);
    if (cached?.metadata.uid === reference.uid) return 'present';
    // The cache of the owner's kind may be behind the one of its dependents: only the server can say that it is gone.
    const stored = await orGone(client.get<ApiObject>(kind, ref));
    if (stored?.metadata.uid === reference.uid) return 'present';
    remember(reference.uid);
    return 'absent';
  }

  function remember(uid: string): void {
    if (gone.size >= goneMax) gone.clear();
    gone.add(uid);
  }

  async function act(own: Followed, object: ApiObject, action: GarbageAction<Dependent>): Promise<unknown> {
    switch (action.do) {
      case 'collect':
        return remove(own.kind, object, 'Background');
      case 'deleteDependent': {
        const hasOwn = dependentsOf(action.dependent).length > 0;
        return remove(action.dependent.followed.kind, action.dependent, hasOwn ? 'Foreground' : 'Background');
      }
      case 'forget':
        return disown(own.kind, object, action.uids);
      case 'release':
        return disown(action.dependent.followed.kind, action.dependent, [object.metadata.uid ?? '']);
      case 'dropFinalizer': {
        const finalizers = (object.metadata.finalizers ?? []).filter((one) => one !== action.finalizer);
        return patchMetadata(own.kind, object, { finalizers });
      }
    }
  }

  function remove(
    kind: Kind<ApiObject>,
    object: ApiObject,
    propagationPolicy: 'Background' | 'Foreground',
  ): Promise<unknown> {
    // With the version: should it have got another owner meanwhile, it stays.
    const { uid = '', resourceVersion = '' } = object.metadata;
    return orGone(client.delete(kind, refOf(object), { propagationPolicy, preconditions: { uid, resourceVersion } }));
  }

  function disown(kind: Kind<ApiObject>, object: ApiObject, uids: readonly string[]): Promise<unknown> {
    const ownerReferences = (object.metadata.ownerReferences ?? []).filter(({ uid }) => !uids.includes(uid));
    return patchMetadata(kind, object, { ownerReferences });
  }

  function patchMetadata(kind: Kind<ApiObject>, object: ApiObject, change: object): Promise<unknown> {
    const { uid, resourceVersion } = object.metadata;
    const body = { metadata: { uid, resourceVersion, ...change } };
    return orGone(client.patch(kind, refOf(object), { type: 'merge', body }));
  }

  const controller = new Controller(context, { name: 'garbage-collection', reconcile, workers: 4 });
  for (const { kind, informer } of followed) {
    controller.watch(informer, (object, isGone) => {
      const { ownerReferences = [], deletionTimestamp, namespace, uid = '' } = object.metadata;
      // An owner that is being deleted may wait for this one to go or to let it go.
      const keys = ownerReferences
        .filter((owner) => isDying(owner, namespace ?? ''))
        .map((owner) => `${owner.kind}:${namespace ?? ''}/${owner.name}`);
      if (isGone) {
        remember(uid);
        for (const dependent of dependentsOf(object)) keys.push(`${dependent.followed.kind.kind}:${keyOf(dependent)}`);
      } else if (ownerReferences.length > 0 || deletionTimestamp !== undefined)
        keys.push(`${kind.kind}:${keyOf(object)}`);
      return keys;
    });
  }
  return controller;
}

const refOf = ({ metadata: { name = '', namespace } }: ApiObject): Ref =>
  namespace === undefined ? { name } : { namespace, name };
