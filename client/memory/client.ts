// Client's memory twin: a whole API in memory, for tests and tools. Passes the same suite as the HTTP twin.
import { randomUUID } from 'node:crypto';
import {
  ApiError,
  type ApiObject,
  type Bundle,
  type Kind,
  type KindInfo,
  kinds,
  type Lease,
  type Node,
  notFound,
  type ObjectList,
  type Ref,
  resourceOf,
  type Slice,
  type WatchEvent,
  wellKnown,
} from '../../apis/index.ts';
import { type Clock, type Random, seededRandom, systemClock } from '../../base/index.ts';
import type {
  BindingRequest,
  Client,
  DeleteOptions,
  ListOptions,
  Patch,
  WatchOptions,
  WriteOptions,
} from '../client.ts';
import { mergePatch } from '../json.ts';
import { fieldSelector, labelSelector, type Selector } from '../selector.ts';
import { conflict, created, deleted, type Fields, isRemovable, updated, withStatus } from './rules.ts';
import { type Change, MemoryStore } from './store.ts';
import { invalid, invalidObject, validate } from './validate.ts';

/** What may be set of the twin: time, chance and how far back its watches reach. */
export interface MemoryClientOptions {
  readonly clock?: Clock;
  readonly random?: Random;
  /** How many changes a watch can go back; default 10,000. */
  readonly historyMax?: number;
}

const historyMaxDefault = 10_000;
const startHerds = ['default', wellKnown.systemHerd, wellKnown.nodeLeaseHerd];

/**
 * An API of its own; several users of one instance see each other's writes. It has the herds a new server makes. Objects
 * are checked for what tests get wrong (fields, types, names), not with the server's full validation; projections
 * (Namespace) are not served: ask for the kind behind them.
 */
export class MemoryClient implements Client {
  readonly #store: MemoryStore;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #content = new Map<string, Uint8Array>();
  #watches = new AbortController();
  #failure: (() => ApiError | undefined) | undefined;

  constructor(options: MemoryClientOptions = {}) {
    this.#store = new MemoryStore(options.historyMax ?? historyMaxDefault);
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? seededRandom(1);
    for (const name of startHerds) this.#create(kinds.herds, { metadata: { name } });
  }

  /** How many changes were written so far. */
  get writes(): number {
    return this.#store.revision - 1 - startHerds.length;
  }

  /** Forgets history, as a server's compaction does. */
  compact(): void {
    this.#store.compact();
  }

  /** Ends every open watch, as a server's restart does. */
  breakWatches(): void {
    this.#watches.abort();
    this.#watches = new AbortController();
  }

  /** Until called again without it, each call first asks `failure` whether to fail with an error. */
  failWith(failure?: () => ApiError | undefined): void {
    this.#failure = failure;
  }

  async get<T extends ApiObject>(kind: Kind<T>, ref: Ref): Promise<T> {
    await this.#arrive(kind);
    return copy(this.#stored(kind, ref));
  }

  async list<T extends ApiObject>(kind: Kind<T>, options: ListOptions = {}): Promise<ObjectList<T>> {
    await this.#arrive(kind);
    const selects = selectorOf(kind, options);
    const all = this.#store.list(kind, options.namespace).filter(selects);
    const start =
      options.continue === undefined ? 0 : all.findIndex((object) => keyText(object) > String(options.continue));
    const rest = start < 0 ? [] : all.slice(start);
    const items = options.limit === undefined ? rest : rest.slice(0, options.limit);
    const last = items.at(-1);
    return {
      items: items.map((object) => copy<T>(options.metadataOnly === true ? metadataOf(object) : object)),
      metadata: {
        resourceVersion: String(this.#store.revision),
        ...(last !== undefined &&
          items.length < rest.length && { continue: keyText(last), remainingItemCount: rest.length - items.length }),
      },
    };
  }

  async *watch<T extends ApiObject>(kind: Kind<T>, options: WatchOptions = {}): AsyncIterable<WatchEvent<T>> {
    await this.#arrive(kind);
    const signals = [this.#watches.signal, ...(options.signal === undefined ? [] : [options.signal])];
    const signal = AbortSignal.any(signals);
    const selects = selectorOf(kind, options);
    const shape = (object: Fields): T => copy<T>(options.metadataOnly === true ? metadataOf(object) : object);
    let position = Number(options.resourceVersion ?? this.#store.revision);
    if (options.resourceVersion === undefined) {
      const initial = this.#store.list(kind, options.namespace).filter(selects);
      for (const object of initial) {
        if (signal.aborted) return;
        yield { type: 'ADDED', object: shape(object) };
      }
      yield { type: 'BOOKMARK', resourceVersion: String(position), initialEventsEnd: true };
    }
    while (!signal.aborted) {
      for (const change of this.#store.changesAfter(kind, position)) {
        position = change.revision;
        const type = eventType(change, options.namespace, selects);
        if (type !== undefined) yield { type, object: shape(change.object) };
        if (signal.aborted) return;
      }
      if (this.#store.changesAfter(kind, position).length === 0) await this.#store.changed(signal);
    }
  }

  async create<T extends ApiObject>(kind: Kind<T>, object: T, options: WriteOptions = {}): Promise<T> {
    await this.#arrive(kind, options);
    return copy(this.#create(kind, object, options));
  }

  async update<T extends ApiObject>(kind: Kind<T>, object: T, options: WriteOptions = {}): Promise<T> {
    await this.#arrive(kind, options);
    const stored = this.#stored(kind, refOfObject(object));
    validate(kind, object);
    if (object.metadata.resourceVersion === undefined)
      throw invalidObject(kind, object.metadata.name ?? '', [
        invalid('metadata.resourceVersion', 0, 'must be specified for an update'),
      ]);
    return copy(this.#write(kind, stored, updated(kind, stored, fields(object)), options));
  }

  async updateStatus<T extends ApiObject>(kind: Kind<T>, object: T, options: WriteOptions = {}): Promise<T> {
    await this.#arrive(kind, options);
    return copy(this.#writeStatus(kind, this.#stored(kind, refOfObject(object)), fields(object), options));
  }

  async patch<T extends ApiObject>(
    kind: Kind<T>,
    ref: Ref,
    patch: Patch,
    options: WriteOptions & { readonly subresource?: 'status' } = {},
  ): Promise<T> {
    const apply = patch.type === 'json' ? await jsonPatcher(patch.body) : undefined;
    await this.#arrive(kind, options);
    const stored = this.#stored(kind, ref);
    const asked = fields((apply?.(stored) ?? mergePatch(stored, patch.body)) as ApiObject);
    if (options.subresource === 'status') return copy(this.#writeStatus(kind, stored, asked, options));
    validate(kind, asked);
    return copy(this.#write(kind, stored, updated(kind, stored, asked), options));
  }

  async delete<T extends ApiObject>(kind: Kind<T>, ref: Ref, options: DeleteOptions = {}): Promise<void> {
    await this.#arrive(kind, options);
    const stored = this.#stored(kind, ref);
    if (kind.kind === 'Herd' && startHerds.includes(ref.name))
      throw new ApiError('Forbidden', `${resourceOf(kind)} "${ref.name}" is forbidden: this herd may not be deleted`);
    const next = deleted(kind, stored, options, this.#time());
    if (options.dryRun === true) return;
    if (next === undefined) this.#remove(kind, stored);
    else if (next !== stored) this.#store.put(kind, next);
  }

  async bind(ref: Ref, binding: BindingRequest): Promise<void> {
    await this.#arrive();
    const slice = copy<Slice>(this.#stored(kinds.slices, ref));
    this.#checkHerd(kinds.slices, ref.namespace, ref.name);
    if (slice.spec.nodeName !== undefined) throw conflict(kinds.slices, slice, `it is bound to ${slice.spec.nodeName}`);
    if (slice.metadata.resourceVersion !== binding.resourceVersion || slice.metadata.deletionTimestamp !== undefined)
      throw conflict(kinds.slices, slice, 'the slice has been modified since the decision');
    const epoch = this.#epoch(wellKnown.systemHerd, wellKnown.schedulerLease);
    if (epoch !== binding.epoch)
      throw conflict(kinds.slices, slice, `the scheduler's epoch is ${epoch}, not ${binding.epoch}`);
    if (!this.#takesSlices(binding.nodeName))
      throw conflict(kinds.slices, slice, `node ${binding.nodeName} takes no slices`);
    const bound: Slice = { ...slice, spec: { ...slice.spec, nodeName: binding.nodeName } };
    this.#store.put(kinds.slices, fields(bound));
  }

  async getContent(bundle: Ref): Promise<Uint8Array> {
    await this.#arrive();
    const stored = this.#stored(kinds.bundles, bundle);
    const bytes = this.#content.get(stored.metadata.uid ?? '');
    if (bytes !== undefined) return bytes.slice();
    const { inline } = copy<Bundle>(stored).spec;
    if (inline !== undefined) return Buffer.from(inline, 'base64');
    throw notFound(kinds.bundles, `${bundle.name}/content`);
  }

  async putContent(bundle: Ref, bytes: Uint8Array): Promise<void> {
    await this.#arrive();
    const uid = this.#stored(kinds.bundles, bundle).metadata.uid ?? '';
    const there = this.#content.get(uid);
    if (there !== undefined && !Buffer.from(there).equals(bytes))
      throw new ApiError('Conflict', `the content of bundle "${bundle.name}" is put once and is other bytes`);
    this.#content.set(uid, bytes.slice());
  }

  /** Every call first takes a turn of the loop, as a network does, and may fail there. */
  async #arrive(kind?: KindInfo, { fence }: Pick<WriteOptions, 'fence'> = {}): Promise<void> {
    await Promise.resolve();
    if (kind?.projectionOf !== undefined)
      throw new ApiError(
        'MethodNotAllowed',
        `${resourceOf(kind)} is ${kind.projectionOf} under another name: use that`,
      );
    const failure = this.#failure?.();
    if (failure !== undefined) throw failure;
    if (fence === undefined) return;
    const { namespace, name } = fence.lease;
    const held = this.#epoch(namespace, name);
    if (held !== fence.epoch)
      throw new ApiError('Conflict', `lease ${namespace}/${name} is held by ${held}, not by ${fence.epoch}`);
  }

  #create(kind: KindInfo, asked: ApiObject, options: WriteOptions = {}): Fields {
    const { name, generateName, namespace, resourceVersion } = asked.metadata;
    if (resourceVersion !== undefined && resourceVersion !== '')
      throw new ApiError('Unknown', 'resourceVersion should not be set on objects to be created');
    const suffix = Math.floor(this.#random.next() * 36 ** 5)
      .toString(36)
      .padStart(5, '0');
    const named = fields({ ...asked, metadata: { ...asked.metadata, name: name ?? `${generateName ?? ''}${suffix}` } });
    validate(kind, named);
    if (kind.scope === 'Namespaced') this.#checkHerd(kind, namespace, named.metadata.name ?? '');
    if (this.#store.get(kind, namespace, named.metadata.name ?? '') !== undefined)
      throw new ApiError('AlreadyExists', `${resourceOf(kind)} "${named.metadata.name ?? ''}" already exists`, {
        name: named.metadata.name ?? '',
        group: kind.group,
        kind: kind.plural,
      });
    const object = created(kind, named, { uid: randomUUID(), time: this.#time() });
    return options.dryRun === true ? object : this.#store.put(kind, object);
  }

  #checkHerd(kind: KindInfo, namespace: string | undefined, name: string): void {
    if (namespace === undefined)
      throw new ApiError('BadRequest', `${resourceOf(kind)} "${name}" lies in a herd: set metadata.namespace`);
    const herd = this.#store.get(kinds.herds, undefined, namespace);
    if (herd === undefined) throw notFound(kinds.herds, namespace);
    if (herd.metadata.deletionTimestamp !== undefined)
      throw new ApiError(
        'Forbidden',
        `${resourceOf(kind)} "${name}" is forbidden: unable to create new content in namespace ${namespace} because it is being terminated`,
        {
          name,
          group: kind.group,
          kind: kind.plural,
          causes: [
            {
              reason: 'NamespaceTerminating',
              message: `namespace ${namespace} is being terminated`,
              field: 'metadata.namespace',
            },
          ],
        },
      );
  }

  #stored(kind: KindInfo, ref: Ref): Fields {
    const stored = this.#store.get(kind, ref.namespace, ref.name);
    if (stored === undefined) throw notFound(kind, ref.name);
    return stored;
  }

  #writeStatus(kind: KindInfo, stored: Fields, asked: Fields, options: WriteOptions): Fields {
    if (!kind.subresources.includes('status')) throw notFound(kind, `${stored.metadata.name ?? ''}/status`);
    const next = withStatus(kind, stored, asked);
    validate(kind, next);
    return this.#write(kind, stored, next, options);
  }

  #write(kind: KindInfo, stored: Fields, next: Fields, options: WriteOptions): Fields {
    if (next === stored || options.dryRun === true) return next;
    if (!isRemovable(kind, next)) return this.#store.put(kind, next);
    this.#remove(kind, next);
    return next;
  }

  #remove(kind: KindInfo, object: Fields): void {
    this.#store.remove(kind, object);
    if (kind.kind === 'Bundle') this.#content.delete(object.metadata.uid ?? '');
  }

  #epoch(namespace: string, name: string): string {
    const lease = this.#store.get(kinds.leases, namespace, name);
    const { holderIdentity = '', leaseTransitions = 0 } = lease === undefined ? {} : (copy<Lease>(lease).spec ?? {});
    return `${holderIdentity}/${leaseTransitions}`;
  }

  #takesSlices(name: string): boolean {
    const node = this.#store.get(kinds.nodes, undefined, name);
    if (node === undefined || node.metadata.deletionTimestamp !== undefined) return false;
    const taints = copy<Node>(node).spec?.taints ?? [];
    return !taints.some(({ effect }) => effect === 'NoExecute');
  }

  #time(): string {
    return new Date(Math.floor(this.#clock.now() / 1000) * 1000).toISOString().replace('.000Z', 'Z');
  }
}

function selectorOf(kind: KindInfo, options: Pick<ListOptions, 'labelSelector' | 'fieldSelector'>): Selector {
  const byLabel = labelSelector(options.labelSelector ?? '');
  if (options.fieldSelector === undefined || options.fieldSelector === '') return byLabel;
  const byField = fieldSelector(options.fieldSelector, kind.selectableFields);
  return (object) => byLabel(object) && byField(object);
}

/** How a change looks to a watcher of a selection: entering it is an addition, leaving it a deletion. */
function eventType(
  { object, previous, isRemoval }: Change,
  namespace: string | undefined,
  selects: Selector,
): 'ADDED' | 'MODIFIED' | 'DELETED' | undefined {
  if (namespace !== undefined && object.metadata.namespace !== namespace) return undefined;
  const wasIn = previous !== undefined && selects(previous);
  const isIn = !isRemoval && selects(object);
  if (isIn) return wasIn ? 'MODIFIED' : 'ADDED';
  return wasIn ? 'DELETED' : undefined;
}

async function jsonPatcher(operations: readonly unknown[]): Promise<(stored: Fields) => unknown> {
  // Loaded only here: programs that never patch by JSON patch in memory do not pay for it.
  const { default: library } = await import('fast-json-patch');
  return (stored) => {
    try {
      return library.applyPatch(structuredClone(stored), operations as Parameters<typeof library.applyPatch>[1], true)
        .newDocument;
    } catch (cause) {
      const why = cause instanceof Error ? cause.message.split('\n')[0] : String(cause);
      throw new ApiError('Invalid', `the server rejected our request due to an error in our request: ${why ?? ''}`);
    }
  };
}

/** The caller's own copy, without undefined fields, as if it had crossed the network. */
const copy = <T>(object: Fields): T => JSON.parse(JSON.stringify(object)) as T;
const fields = (object: ApiObject): Fields => JSON.parse(JSON.stringify(object)) as Fields;
const metadataOf = ({ metadata }: Fields): Fields => ({
  apiVersion: 'meta.k8s.io/v1',
  kind: 'PartialObjectMetadata',
  metadata,
});
const keyText = ({ metadata }: ApiObject): string => `${metadata.namespace ?? ''}/${metadata.name ?? ''}`;
const refOfObject = ({ metadata: { name = '', namespace } }: ApiObject): Ref =>
  namespace === undefined ? { name } : { name, namespace };
