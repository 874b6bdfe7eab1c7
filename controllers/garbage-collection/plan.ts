// Owners and dependents (https://kubernetes.io/docs/concepts/architecture/garbage-collection/): what to do about one object. Pure.
import type { ApiObject, OwnerReference } from '../../apis/index.ts';

/**
 * absent: no object has that uid any more. waiting: being deleted in the foreground, so its dependents go before it. solid: there,
 * and if it goes, then not for what becomes of its dependents. unknown: of a kind that we do not know, so it may exist.
 */
export type OwnerState = 'solid' | 'waiting' | 'absent' | 'unknown';

/** How dependents of what is deleted fare. */
export type Policy = 'Background' | 'Foreground' | 'Orphan';

/** An object with its owners and dependents as they are. */
export interface Seen<D extends ApiObject = ApiObject> {
  readonly object: ApiObject;
  readonly owners: readonly { readonly reference: OwnerReference; readonly state: OwnerState }[];
  /** Objects that name it as an owner. */
  readonly dependents: readonly D[];
}

/** One thing to do about an object. */
export type GarbageAction<D extends ApiObject = ApiObject> =
  /** The object itself, for want of owners. */
  | { readonly do: 'collect'; readonly policy: Policy }
  /** Takes references out of the object. */
  | { readonly do: 'forget'; readonly uids: readonly string[] }
  /** Lets none of its owners wait for it any more: it waits for one of them itself, in a circle. */
  | { readonly do: 'unblock' }
  /** Takes the reference to the object out of a dependent. */
  | { readonly do: 'release'; readonly dependent: D }
  | { readonly do: 'dropFinalizer'; readonly finalizer: string };

const foreground = 'foregroundDeletion';
const orphan = 'orphan';

/** In order. A finalizer is dropped only when a look shows that nothing is left to do. */
export function planGarbage<D extends ApiObject>(seen: Seen<D>): readonly GarbageAction<D>[] {
  const { object, dependents } = seen;
  const { deletionTimestamp, finalizers = [], uid } = object.metadata;
  if (deletionTimestamp === undefined) return planOwners(seen);
  if (finalizers.includes(orphan)) {
    if (dependents.length === 0) return [{ do: 'dropFinalizer', finalizer: orphan }];
    return dependents.map((dependent) => ({ do: 'release', dependent }));
  }
  if (!finalizers.includes(foreground)) return [];
  // Each dependent is looked at for itself and goes for want of an owner that stays, or stays for having one.
  const isBlocked = dependents.some(({ metadata: { ownerReferences = [] } }) =>
    ownerReferences.some((one) => one.uid === uid && one.blockOwnerDeletion === true),
  );
  return isBlocked ? [] : [{ do: 'dropFinalizer', finalizer: foreground }];
}

/** Whether an object is being deleted in the foreground: it waits for its dependents. */
export function isWaiting({ metadata: { deletionTimestamp, finalizers = [] } }: ApiObject): boolean {
  return deletionTimestamp !== undefined && finalizers.includes(foreground);
}

function planOwners({ object, owners, dependents }: Seen): readonly GarbageAction<never>[] {
  const leaving = owners.filter(({ state }) => state === 'absent' || state === 'waiting');
  if (leaving.length === 0) return [];
  if (leaving.length < owners.length) return [{ do: 'forget', uids: leaving.map(({ reference }) => reference.uid) }];
  const isAwaited = leaving.some(({ state }) => state === 'waiting');
  if (!isAwaited || dependents.length === 0) return [{ do: 'collect', policy: ownPolicy(object) }];
  const isCircle = dependents.some(isWaiting);
  const isBlocking = owners.some(({ reference }) => reference.blockOwnerDeletion === true);
  return [isCircle && isBlocking ? { do: 'unblock' } : { do: 'collect', policy: 'Foreground' }];
}

/** What its maker wished for: a finalizer set at creation says how its dependents fare. */
function ownPolicy({ metadata: { finalizers = [] } }: ApiObject): Policy {
  if (finalizers.includes(orphan)) return 'Orphan';
  return finalizers.includes(foreground) ? 'Foreground' : 'Background';
}
