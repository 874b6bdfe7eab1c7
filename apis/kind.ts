import type { KindSchema } from './schema.ts';

/** A column of `kubectl get`; `path` is JSONPath below the object, as in a CustomResourceDefinition. */
export interface PrinterColumn {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'date' | 'number' | 'boolean';
  readonly path: string;
  readonly description: string;
  /** 0 is always shown, more only with -o wide. */
  readonly priority?: number;
  readonly format?: string;
}

/** Where an object says how many replicas it wants and has; dotted paths that begin with a dot. */
export interface ScalePaths {
  readonly specReplicasPath: string;
  readonly statusReplicasPath: string;
  readonly labelSelectorPath?: string;
}

/** The CustomResourceDefinition that a kind of a user comes from, as it was when this was made of it. */
export interface DefinitionOf {
  readonly uid: string;
  /** Grows with each change of its spec and when its deletion begins; writes of the kind compare it. */
  readonly generation: number;
  /** Nothing new is created any more. */
  readonly isTerminating: boolean;
}

/** What may stand behind an object's name in a URL. */
export type Subresource =
  | 'status'
  | 'scale'
  | 'binding'
  | 'content'
  | 'eviction'
  | 'log'
  | 'progress'
  | 'token'
  | 'tunnel';

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
  /** Default: the kind's name with List behind it. */
  readonly listKind?: string;
  /** Groups of kinds that `kubectl get` takes by one name, e.g. all. */
  readonly categories?: readonly string[];
  /** For the subresource scale. */
  readonly scale?: ScalePaths;
  /** Of a user's kind: the version that its objects are written in; they are shown in the one that is asked for. */
  readonly storageVersion?: string;
  /** What whoever uses this version is told. */
  readonly deprecation?: string;
  /** Of a user's kind only. */
  readonly definition?: DefinitionOf;
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

/** `PipelineList`: the kind of a list of the kind's objects. */
export function listKindOf(kind: Pick<KindInfo, 'kind' | 'listKind'>): string {
  return kind.listKind ?? `${kind.kind}List`;
}

/** Whether a kind is one of Kubernetes' own that we serve, and so patched by strategic merge. */
export function isKubernetesOwn(kind: Pick<KindInfo, 'group' | 'definition'>): boolean {
  return kind.definition === undefined && (kind.group === '' || kind.group.endsWith('.k8s.io'));
}
