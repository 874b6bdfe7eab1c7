// Owners and dependents (https://kubernetes.io/docs/concepts/architecture/garbage-collection/): what to do about one object. Pure.
import type { ApiObject, OwnerReference } from '../../apis/index.ts';

/** absent: no object has that uid any more. unknown: of a kind that we do not know, so it may exist. */
export type OwnerState = 'present' | 'absent' | 'unknown';

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
  | { readonly do: 'collect' }
  /** Takes references out of the object. */
  | { readonly do: 'forget'; readonly uids: readonly string[] }
  | { readonly do: 'deleteDependent'; readonly dependent: D }
  /** Takes the reference to the object out of a dependent. */
  | { readonly do: 'release'; readonly dependent: D }
  | { readonly do: 'dropFinalizer'; readonly finalizer: string };

const foreground = 'foregroundDeletion';
const orphan = 'orphan';

/** In order. A finalizer is dropped only when a look shows that nothing is left to do. */
export function planGarbage<D extends ApiObject>({ object, owners, dependents }: Seen<D>): readonly GarbageAction<D>[] {
  const { deletionTimestamp, finalizers = [], uid } = object.metadata;
  if (deletionTimestamp === undefined) return planOwners(owners);
  if (finalizers.includes(orphan)) {
    if (dependents.length === 0) return [{ do: 'dropFinalizer', finalizer: orphan }];
    return dependents.map((dependent) => ({ do: 'release', dependent }));
  }
  if (!finalizers.includes(foreground)) return [];
  const isBlocking = ({ metadata }: D): boolean =>
    (metadata.ownerReferences ?? []).some((one) => one.uid === uid && one.blockOwnerDeletion === true);
  const deletions = dependents
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .map((dependent): GarbageAction<D> => ({ do: 'deleteDependent', dependent }));
  return dependents.some(isBlocking) ? deletions : [...deletions, { do: 'dropFinalizer', finalizer: foreground }];
}

function planOwners(owners: Seen['owners']): readonly GarbageAction<never>[] {
  const absent = owners.filter(({ state }) => state === 'absent');
  if (absent.length === 0) return [];
  if (absent.length === owners.length) return [{ do: 'collect' }];
  return [{ do: 'forget', uids: absent.map(({ reference }) => reference.uid) }];
}
