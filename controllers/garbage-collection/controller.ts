// Deletes what is owned by what is gone. Follows every kind that may be owned, by metadata alone where nobody needs more.
import { type ApiObject, type Kind, type OwnerReference, type Ref, resourceOf } from '../../apis/index.ts';
import { Controller, type ControllerContext, keyOf, orGone, type Result, refOfKey } from '../kit/index.ts';
import { type Followed, FollowedKinds, refOfOwner } from './followed.ts';
import { type GarbageAction, type OwnerState, planGarbage } from './plan.ts';

/** Uids known to be gone, so that the dependents of one object do not each ask the server. Uids never come back. */
const goneMax = 10_000;
/** What stands before the name of a definition in a key; no resource is called so. */
const definitionPrefix = 'definition';

interface Dependent extends ApiObject {
  readonly followed: Followed;
}

/** The garbage collector. */
export function garbageCollector(context: ControllerContext): Controller {
  const { client } = context;
  const followed = new FollowedKinds(context);
  const gone = new Set<string>();

  async function reconcile(text: string): Promise<Result> {
    const [resource = '', key = ''] = text.split(':');
    if (resource === definitionPrefix) {
      await followed.look(key, (own) => controller.join(own.informer, keysOf(own)), forgetAll);
      return {};
    }
    const own = followed.of(resource);
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
    return followed
      .all()
      .flatMap((one) =>
        one.informer.byIndex('owner', uid).map(({ metadata }): Dependent => ({ metadata, followed: one })),
      );
  }

  /** The key of an owner that is being deleted and may wait for its dependents. */
  function dyingOwner(reference: OwnerReference, namespace: string | undefined): readonly string[] {
    const kind = followed.kindOfOwner(reference);
    const own = kind === undefined ? undefined : followed.of(resourceOf(kind));
    if (kind === undefined || own === undefined) return [];
    const owner = own.informer.get(refOfOwner(kind, reference.name, namespace));
    return owner?.metadata.deletionTimestamp === undefined ? [] : [keyIn(own, owner)];
  }

  async function stateOf(reference: OwnerReference, namespace: string | undefined): Promise<OwnerState> {
    if (gone.has(reference.uid)) return 'absent';
    const kind = followed.kindOfOwner(reference);
    // What is in no herd cannot be owned by what is in one: nobody knows which one is meant.
    if (kind === undefined || (kind.scope === 'Namespaced' && namespace === undefined)) return 'unknown';
    const ref = refOfOwner(kind, reference.name, namespace);
    const cached = followed.of(resourceOf(kind))?.informer.get(ref);
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

  /** Of a kind that is gone nobody tells one by one what went with it. */
  function forgetAll(objects: readonly ApiObject[]): void {
    for (const object of objects) for (const key of forget(object)) controller.enqueue(key);
  }

  function forget(object: ApiObject): readonly string[] {
    remember(object.metadata.uid ?? '');
    return dependentsOf(object).map((dependent) => keyIn(dependent.followed, dependent));
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

  const keysOf =
    (own: Followed) =>
    (object: ApiObject, isGone: boolean): readonly string[] => {
      const { ownerReferences = [], deletionTimestamp, namespace } = object.metadata;
      // An owner that is being deleted may wait for this one to go or to let it go.
      const owners = ownerReferences.flatMap((owner) => dyingOwner(owner, namespace));
      if (isGone) return [...owners, ...forget(object)];
      const isOwn = ownerReferences.length > 0 || deletionTimestamp !== undefined;
      return isOwn ? [...owners, keyIn(own, object)] : owners;
    };

  const controller = new Controller(context, { name: 'garbage-collection', reconcile, workers: 4 });
  for (const own of followed.builtIn) controller.watch(own.informer, keysOf(own));
  return controller.watch(followed.definitions, ({ metadata: { name = '' } }) => [`${definitionPrefix}:${name}`]);
}

const keyIn = ({ kind }: Followed, object: ApiObject): string => `${resourceOf(kind)}:${keyOf(object)}`;
const refOf = ({ metadata: { name = '', namespace } }: ApiObject): Ref =>
  namespace === undefined ? { name } : { namespace, name };
