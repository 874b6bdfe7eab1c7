import type { ObjectMeta } from './types.gen.ts';

/** What every object has. */
export interface ApiObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: ObjectMeta;
}

/** An object whose kind is known only at run time. */
export interface Unstructured extends ApiObject {
  readonly [field: string]: unknown;
}

/** Names one object of a kind; `namespace` is absent for cluster kinds. */
export interface Ref {
  readonly namespace?: string;
  readonly name: string;
}

/** A list as the API answers it. */
export interface ObjectList<T> {
  readonly items: readonly T[];
  readonly metadata: {
    readonly resourceVersion: string;
    readonly continue?: string;
    readonly remainingItemCount?: number;
  };
}

/** An event of a watch. A bookmark's object carries only its resourceVersion (and the annotation that ends initial events). */
export type WatchEvent<T> =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: T }
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string; readonly initialEventsEnd: boolean };
