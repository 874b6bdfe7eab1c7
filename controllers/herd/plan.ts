// What to do about a herd: it becomes Active, and when it ends it is emptied in order. Pure.
import type { ApiObject, Herd, KindInfo } from '../../apis/index.ts';

/** Kinds are emptied in waves: a wave begins when the one before is gone. What runs goes first, what it reads last. */
export const waves: readonly (readonly string[])[] = [['Slice'], ['*'], ['Secret']];

/** Objects of one kind that are left in a herd. */
export interface Leftover {
  readonly kind: KindInfo;
  readonly objects: readonly ApiObject[];
}

/** One thing to do about a herd. */
export type HerdAction =
  | { readonly do: 'activate' }
  | { readonly do: 'delete'; readonly kind: KindInfo; readonly object: ApiObject }
  | { readonly do: 'tell'; readonly message: string }
  | { readonly do: 'finish' };

/** `left` needs to be known only for a herd that ends; kinds without objects may be absent. */
export function planHerd(herd: Herd, left: readonly Leftover[]): readonly HerdAction[] {
  if (herd.metadata.deletionTimestamp === undefined) return herd.status?.phase === 'Active' ? [] : [{ do: 'activate' }];
  const some = left.filter(({ objects }) => objects.length > 0);
  if (some.length === 0) return [{ do: 'finish' }];
  const current = Math.min(...some.map(({ kind }) => waveOf(kind)));
  const message = some.map(({ kind, objects }) => `${objects.length} ${kind.plural}`).join(', ');
  return [
    { do: 'tell', message: `waits for ${message} to go` },
    ...some
      .filter(({ kind }) => waveOf(kind) === current)
      .flatMap(({ kind, objects }) =>
        objects
          .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
          .map((object): HerdAction => ({ do: 'delete', kind, object })),
      ),
  ];
}

function waveOf({ kind }: KindInfo): number {
  const named = waves.findIndex((wave) => wave.includes(kind));
  return named >= 0 ? named : waves.findIndex((wave) => wave.includes('*'));
}
