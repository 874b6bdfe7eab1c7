// What to do about a herd: it becomes Active, and when it ends it is emptied in order. Pure.
import { type ApiObject, type Herd, type KindInfo, resourceOf } from '../../apis/index.ts';

/** Kinds are emptied in waves: a wave begins when the one before is gone. What runs goes first, what it reads last. */
export const waves: readonly (readonly string[])[] = [['slices.runink.io'], ['*'], ['secrets']];

/** Objects of one kind that are left in a herd. */
export interface Leftover {
  readonly kind: KindInfo;
  readonly count: number;
  /** How many of them have each finalizer. */
  readonly finalizers: ReadonlyMap<string, number>;
  /** Those whose deletion was not asked for yet, or the first of them. */
  readonly undeleted: readonly ApiObject[];
}

/** One thing to do about a herd. */
export type HerdAction =
  | { readonly do: 'activate' }
  | { readonly do: 'delete'; readonly kind: KindInfo; readonly object: ApiObject }
  | { readonly do: 'finish' };

/** `left` needs to be known only for a herd that ends; kinds without objects may be absent. */
export function planHerd(herd: Herd, left: readonly Leftover[]): readonly HerdAction[] {
  if (herd.metadata.deletionTimestamp === undefined) return herd.status?.phase === 'Active' ? [] : [{ do: 'activate' }];
  const some = left.filter(({ count }) => count > 0);
  if (some.length === 0) return [{ do: 'finish' }];
  const current = Math.min(...some.map(({ kind }) => waveOf(kind)));
  return some
    .filter(({ kind }) => waveOf(kind) === current)
    .flatMap(({ kind, undeleted }) => undeleted.map((object): HerdAction => ({ do: 'delete', kind, object })));
}

function waveOf(kind: KindInfo): number {
  const named = waves.findIndex((wave) => wave.includes(resourceOf(kind)));
  return named >= 0 ? named : waves.findIndex((wave) => wave.includes('*'));
}
