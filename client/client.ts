// The second narrow waist: objects. Controllers, agents and runictl reach the cluster only through this. Twins: HTTP and
// memory; one suite that both pass.
import type { ApiObject, Fence, Kind, ObjectList, Ref, WatchEvent } from '../apis/index.ts';

/** Which objects a list gives, from when, and in what form. */
export interface ListOptions {
  /** One herd; absent: all herds, or the cluster. */
  readonly namespace?: string;
  /** Kubernetes' selector syntax. */
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly limit?: number;
  readonly continue?: string;
  readonly resourceVersion?: string;
  /** Objects come with apiVersion, kind and metadata only (PartialObjectMetadata). */
  readonly metadataOnly?: boolean;
  readonly signal?: AbortSignal;
}

/** Which objects a watch tells of, and from when; abort the signal to end it. */
export interface WatchOptions {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** Start after this version; absent: start with what is there as ADDED events, then a bookmark with initialEventsEnd. */
  readonly resourceVersion?: string;
  /** As in ListOptions. */
  readonly metadataOnly?: boolean;
  readonly signal?: AbortSignal;
}

/** How a create, update or patch is done. */
export interface WriteOptions {
  readonly dryRun?: boolean;
  /** Default Strict: unknown and duplicate fields are refused. */
  readonly fieldValidation?: 'Strict' | 'Warn' | 'Ignore';
  readonly fieldManager?: string;
  /** Done only while the lease is held so; else Conflict, and nothing was done. */
  readonly fence?: Fence;
  readonly signal?: AbortSignal;
}

/** How an object is deleted; preconditions that fail give Conflict. */
export interface DeleteOptions {
  readonly propagationPolicy?: 'Background' | 'Foreground' | 'Orphan';
  readonly gracePeriodSeconds?: number;
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
  readonly dryRun?: boolean;
  /** As in WriteOptions. */
  readonly fence?: Fence;
  readonly signal?: AbortSignal;
}

/** RFC 7386 merge patch or RFC 6902 JSON patch. */
export type Patch =
  | { readonly type: 'merge'; readonly body: unknown }
  | { readonly type: 'json'; readonly body: readonly unknown[] };

/** Puts a slice on a node, if the slice is unchanged, the node not fenced and the scheduler's epoch still its own. */
export interface BindingRequest {
  readonly nodeName: string;
  /** The slice's version the decision was made on. */
  readonly resourceVersion: string;
  /** `HOLDER/TRANSITIONS` of the scheduler's lease, compared with the stored one in the same transaction. */
  readonly epoch: string;
}

/**
 * Errors: ApiError as the server gave it; `ServiceUnavailable` when no server could be reached, `Timeout` when the outcome
 * is unknown. Objects returned are the caller's own unless they come from an informer (those are frozen).
 */
export interface Client {
  get<T extends ApiObject>(kind: Kind<T>, ref: Ref, options?: { readonly signal?: AbortSignal }): Promise<T>;
  list<T extends ApiObject>(kind: Kind<T>, options?: ListOptions): Promise<ObjectList<T>>;
  /** Ends normally when the server ends it or the signal aborts; throws ApiError Expired when the version is gone. */
  watch<T extends ApiObject>(kind: Kind<T>, options?: WatchOptions): AsyncIterable<WatchEvent<T>>;
  create<T extends ApiObject>(kind: Kind<T>, object: T, options?: WriteOptions): Promise<T>;
  /** Replaces; a resourceVersion in the object must be the stored one (Conflict). */
  update<T extends ApiObject>(kind: Kind<T>, object: T, options?: WriteOptions): Promise<T>;
  /** Replaces status only. */
  updateStatus<T extends ApiObject>(kind: Kind<T>, object: T, options?: WriteOptions): Promise<T>;
  patch<T extends ApiObject>(
    kind: Kind<T>,
    ref: Ref,
    patch: Patch,
    options?: WriteOptions & { readonly subresource?: 'status' },
  ): Promise<T>;
  delete<T extends ApiObject>(kind: Kind<T>, ref: Ref, options?: DeleteOptions): Promise<void>;
  bind(slice: Ref, binding: BindingRequest): Promise<void>;
  /** A bundle's bytes. */
  getContent(bundle: Ref): Promise<Uint8Array>;
  putContent(bundle: Ref, bytes: Uint8Array): Promise<void>;
}
