import type { KindSchema } from './schema.ts';

/** A column of `kubectl get`; `path` is JSONPath below the object, as in a CustomResourceDefinition. */
export interface PrinterColumn {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'date' | 'number' | 'boolean';
  readonly path: string;
  readonly description: string;
  /** 0 is always shown, 1 only with -o wide. */
  readonly priority?: 0 | 1;
}

/** What may stand behind an object's name in a URL. */
export type Subresource = 'status' | 'binding' | 'content' | 'eviction' | 'log' | 'progress' | 'token' | 'tunnel';

/** Everything the system knows of a kind; one row of the table in kinds.ts. */
export interface KindInfo {
  /** '' for core. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly scope: 'Cluster' | 'Namespaced';
  readonly subresources: readonly Subresource[];
  /** What may be done with objects of the kind, if that is not everything. */
  readonly verbs?: readonly string[];
  readonly columns: readonly PrinterColumn[];
  /** Beyond metadata.name and metadata.namespace. */
  readonly selectableFields: readonly string[];
  /** Top-level fields that cannot change once created, e.g. `spec`; `spec.cancel`-like exceptions stand in mutable. */
  readonly immutable: readonly string[];
  readonly mutable?: readonly string[];
  /** Another kind whose objects these are under another name (Namespace over Herd): same key, no store of its own. */
  readonly projectionOf?: string;
  readonly schema: KindSchema;
}

/** A kind whose objects have type T. */
export interface Kind<T> extends KindInfo {
  /** Never set: carries the type. */
  readonly object?: T;
}

/** `v1`, `runink.io/v1`. */
export function apiVersionOf(kind: Pick<KindInfo, 'group' | 'version'>): string {
  return kind.group === '' ? kind.version : `${kind.group}/${kind.version}`;
}

/** `pods`, `pipelines.runink.io`: how messages name a resource. */
export function resourceOf(kind: Pick<KindInfo, 'group' | 'plural'>): string {
  return kind.group === '' ? kind.plural : `${kind.plural}.${kind.group}`;
}
