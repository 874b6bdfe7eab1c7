// Deletes what is owned by what is gone. Follows every kind that may own or be owned, by metadata alone where nobody needs more.
import {
  type ApiObject,
  apiVersionOf,
  type Kind,
  kindInfos,
  type OwnerReference,
  type Ref,
  resourceOf,
} from '../../apis/index.ts';
import {
  Controller,
  type ControllerContext,
  type Followed,
  FollowedKinds,
  keyOf,
  orGone,
  type Result,
  refOfKey,
} from '../kit/index.ts';
import { type GarbageAction, isWaiting, type OwnerState, type Policy, planGarbage } from './plan.ts';

/** What is known to be gone, so that the dependents of one object do not each ask the server. Uids never come back. */
const goneMax = 10_000;

interface Dependent extends ApiObject {
  readonly followed: Followed;
}

/** The garbage collector. */
export function garbageCollector(
  context: ControllerContext,
  followed: FollowedKinds = new FollowedKinds(context.informers),
): Controller {
  const { client, recorder } = context;
  /** Uids that were seen to go. */
  const gone = new Set<string>();
  /** References that lead nowhere; not the same, since an object may be there under another name or in another herd. */
  const dangling = new Set<string>();

  async function reconcile(text: string): Promise<Result> {
    const split = text.indexOf(':');
    const own = followed.all().find(({ kind }) => resourceOf(kind) === text.slice(0, split));
    const object = own?.informer.get(refOfKey(text.slice(split + 1)));
    if (own === undefined || object === undefined) return {};
    const isDying = object.metadata.deletionTimestamp !== undefined;
    const owners = [];
    for (const reference of isDying ? [] : (object.metadata.ownerReferences ?? []))
      owners.push({ reference, state: await stateOf(own, object, reference) });
    // Asked only when it matters: a run may own many slices.
    const matter = isDying || owners.some(({ state }) => state === 'waiting');
    const dependents = matter ? dependentsOf(object) : [];
    for (const action of planGarbage({ object, owners, dependents })) await act(own, object, action);
    return {};
  }

  /** Who names it as an owner and may: from another herd nobody does, nor from the cluster what lies in a herd. */
  function dependentsOf({ metadata: { uid = '', namespace } }: ApiObject): readonly Dependent[] {
    return followed.all().flatMap((one) =>
      one.informer
        .byIndex('owner', uid)
        .filter(({ metadata }) => namespace === undefined || metadata.namespace === namespace)
        .map(({ metadata }): Dependent => ({ metadata, followed: one })),
    );
  }

  async function stateOf(own: Followed, object: ApiObject, reference: OwnerReference): Promise<OwnerState> {
    const { namespace } = object.metadata;
    const place = [namespace ?? '', reference.apiVersion, reference.kind, reference.name, reference.uid].join('\n');
    if (gone.has(reference.uid) || dangling.has(place)) return 'absent';
    const owned = followed.named(reference.apiVersion, reference.kind);
    const kind = owned?.kind ?? unfollowed(reference);
    if (kind === undefined) return 'unknown';
    if (kind.scope === 'Namespaced' && namespace === undefined) {
      tellOfPlace(own, object, reference);
      return 'unknown';
    }
    const ref = refIn(kind, reference.name, namespace);
    const cached = owned?.informer.get(ref);
    if (cached?.metadata.uid === reference.uid) return isWaiting(cached) ? 'waiting' : 'solid';
    // The cache of the owner's kind may be behind the one of its dependents: only the server can say that it is gone.
    const stored = await orGone(client.get<ApiObject>(kind, ref));
    if (stored?.metadata.uid === reference.uid) return isWaiting(stored) ? 'waiting' : 'solid';
    const others = owned?.informer.list().filter(({ metadata }) => metadata.uid === reference.uid) ?? [];
    if (others.some(({ metadata }) => metadata.namespace !== namespace)) tellOfPlace(own, object, reference);
    remember(dangling, place);
    return 'absent';
  }

  function tellOfPlace(
    { kind }: Followed,
    { metadata }: ApiObject,
    { apiVersion, kind: owner, name, uid }: OwnerReference,
  ): void {
    const namespace = metadata.namespace ?? '';
    const identity = `[${apiVersion}/${owner}, namespace: ${namespace}, name: ${name}, uid: ${uid}]`;
    const object = { apiVersion: apiVersionOf(kind), kind: kind.kind, metadata };
    recorder.warn(
      object,
      'OwnerRefInvalidNamespace',
      `ownerRef ${identity} does not exist in namespace "${namespace}"`,
    );
  }

  async function act(own: Followed, object: ApiObject, action: GarbageAction<Dependent>): Promise<unknown> {
    switch (action.do) {
      case 'collect':
        return remove(own.kind, object, action.policy);
      case 'forget':
        return disown(own.kind, object, action.uids);
      case 'unblock': {
        const ownerReferences = (object.metadata.ownerReferences ?? []).map((one) => ({
          ...one,
          blockOwnerDeletion: false,
        }));
        return patchMetadata(own.kind, object, { ownerReferences });
      }
      case 'release':
        return disown(action.dependent.followed.kind, action.dependent, [object.metadata.uid ?? '']);
      case 'dropFinalizer': {
        // A kind that came a moment ago may have dependents that nobody here has seen.
        if (!followed.isSynced) throw new Error('not all kinds are in sync');
        const finalizers = (object.metadata.finalizers ?? []).filter((one) => one !== action.finalizer);
        return patchMetadata(own.kind, object, { finalizers });
      }
    }
  }

  function remove(kind: Kind<ApiObject>, object: ApiObject, propagationPolicy: Policy): Promise<unknown> {
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

  /** Whom a change of an object concerns. */
  function keysOf(one: Followed, object: ApiObject, isGone: boolean): readonly string[] {
    const { ownerReferences = [], deletionTimestamp, namespace, uid = '' } = object.metadata;
    // An owner that is being deleted may wait for this one to go or to let it go.
    const keys = ownerReferences.flatMap((reference) => {
      const owned = followed.named(reference.apiVersion, reference.kind);
      const owner = owned?.informer.get(refIn(owned.kind, reference.name, namespace));
      return owned === undefined || owner?.metadata.deletionTimestamp === undefined ? [] : [textOf(owned, owner)];
    });
    if (isGone) remember(gone, uid);
    // A store that was restored brings back what was gone.
    else gone.delete(uid);
    if (!isGone && (ownerReferences.length > 0 || deletionTimestamp !== undefined)) keys.push(textOf(one, object));
    if (isGone || isWaiting(object))
      for (const dependent of dependentsOf(object)) keys.push(textOf(dependent.followed, dependent));
    return keys;
  }

  const controller = new Controller(context, { name: 'garbage-collection', reconcile, workers: 4 });
  followed.listen({
    began(one) {
      one.informer.addIndexer('owner', ({ metadata }) => (metadata.ownerReferences ?? []).map(({ uid }) => uid));
      one.informer.relists$.subscribe(() => dangling.clear());
      controller.watch(one.informer, (object, isGone) => keysOf(one, object, isGone));
      // Who has an owner of this kind could not be judged before.
      if (one.kind.definition !== undefined)
        for (const other of followed.all())
          for (const object of other.informer.list())
            if (object.metadata.ownerReferences?.some(({ kind }) => kind === one.kind.kind) === true)
              controller.enqueue(textOf(other, object));
    },
    ended(one) {
      for (const object of one.informer.list()) for (const key of keysOf(one, object, true)) controller.enqueue(key);
    },
  });
  return controller.watch(followed.definitions, () => []);
}

function remember(set: Set<string>, text: string): void {
  if (set.size >= goneMax) set.clear();
  set.add(text);
}

/** Kinds that we know and do not follow. What is only shown under another kind owns nothing. */
function unfollowed({ apiVersion, kind }: OwnerReference): Kind<ApiObject> | undefined {
  return kindInfos.find(
    (info) => info.kind === kind && apiVersionOf(info) === apiVersion && info.projectionOf === undefined,
  );
}

const textOf = ({ kind }: Followed, object: ApiObject): string => `${resourceOf(kind)}:${keyOf(object)}`;
const refIn = ({ scope }: Kind<ApiObject>, name: string, namespace: string | undefined): Ref =>
  scope === 'Namespaced' && namespace !== undefined ? { namespace, name } : { name };
const refOf = ({ metadata: { name = '', namespace } }: ApiObject): Ref =>
  namespace === undefined ? { name } : { namespace, name };
