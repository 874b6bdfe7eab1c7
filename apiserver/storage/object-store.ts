// Objects over bytes: keys, encoding, versions, sealing and projections, and nothing of what a write means.
import { apiVersionOf, type KindInfo, kinds, type Unstructured } from '../../apis/index.ts';
import type {
  Barn,
  BarnEvent,
  Compare,
  KeyValue,
  Operation,
  RangeOptions,
  Revision,
  TxnResult,
  WatchBatch,
} from '../../barn/index.ts';
import { prefixEnd } from '../../barn/index.ts';
import { isRecord } from '../json.ts';
import { asRead } from '../schema/admit.ts';
import { herdPrefix, kindPrefix, objectKey, partsOf } from './keys.ts';
import { projectionOf } from './projection.ts';
import type { Vault } from './vault.ts';

/** An object as it lies in the Barn. Never change `object`. */
export interface Stored {
  readonly key: string;
  readonly revision: Revision;
  /** When the key came to be. */
  readonly created: Revision;
  readonly herdUid: string | undefined;
  /** As stored: a Herd for a Namespace, a Slice for a Pod, sealed for a Secret; with its resourceVersion. */
  readonly object: Unstructured;
  /** Its JSON as it lies in the Barn: without its resourceVersion. */
  readonly value: Uint8Array;
}

/** Stored objects of one revision, in the order of their keys. */
export interface Page {
  readonly revision: Revision;
  readonly items: readonly Stored[];
  readonly more: boolean;
  readonly count: number;
}

/** `serializable`: what this server has is good enough, however old; else reads are linearizable. `revision`: as of then; 0 is now. */
export type Freshness = Pick<RangeOptions, 'serializable' | 'revision'>;

const storableName = /^[a-z0-9][-a-z0-9.]{0,252}$/;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Reads and writes objects. Errors: BarnError, VaultError. */
export class ObjectStore {
  readonly barn: Barn;
  readonly #vault: Vault;
  // The Barn gives all readers the same value for one version, so each is parsed once while anyone holds it.
  readonly #parsed = new WeakMap<KeyValue, Stored>();

  constructor(barn: Barn, vault: Vault) {
    this.barn = barn;
    this.#vault = vault;
  }

  /** The herd of a name, or undefined. */
  async herd(name: string, freshness: Freshness = {}): Promise<Stored | undefined> {
    return this.read(kinds.herds, undefined, name, freshness);
  }

  /** How far the store is. */
  async revision({ serializable = false }: Pick<Freshness, 'serializable'> = {}): Promise<Revision> {
    // The answer of any range has it.
    return serializable ? (await this.barn.range('/', undefined, { serializable })).revision : this.barn.readIndex();
  }

  /** One object, or undefined. */
  async read(
    info: KindInfo,
    herdUid: string | undefined,
    name: string,
    freshness: Freshness = {},
  ): Promise<Stored | undefined> {
    // What cannot be a key is not there.
    if (!storableName.test(name)) return undefined;
    const found = await this.barn.range(objectKey(info, herdUid, name), undefined, freshness);
    const [item] = found.items;
    return item === undefined ? undefined : this.parse(item);
  }

  /** Objects of a kind, of one herd if `herdUid` is given, from the key `after` on (exclusive); at least those of `name`. */
  async page(
    info: KindInfo,
    herdUid: string | undefined,
    options: Freshness & { readonly after?: string; readonly limit?: number; readonly name?: string | undefined },
  ): Promise<Page> {
    const [start, end] = rangeOf(info, herdUid, options);
    const found = await this.barn.range(start, end, {
      limit: options.limit ?? 0,
      revision: options.revision ?? 0,
      serializable: options.serializable ?? false,
    });
    return {
      revision: found.revision,
      items: found.items.map((item) => this.parse(item)),
      more: found.more,
      count: found.count,
    };
  }

  /** Events of all objects of a kind, of one herd if `herdUid` is given. */
  watch(
    info: KindInfo,
    herdUid: string | undefined,
    fromRevision: Revision,
    signal: AbortSignal,
  ): Promise<AsyncIterableIterator<WatchBatch>> {
    const prefix = herdUid === undefined ? kindPrefix(info) : herdPrefix(info, herdUid);
    return this.barn.watch(prefix, prefixEnd(prefix), fromRevision, { prevValue: true, progress: true, signal });
  }

  /** What an event left, and what was there before. */
  changeOf(event: BarnEvent): { readonly now: Stored | undefined; readonly before: Stored | undefined } {
    return {
      now: event.type === 'put' ? this.parse(event.kv) : undefined,
      before: event.prev === undefined ? undefined : this.parse(event.prev),
    };
  }

  txn(
    compares: readonly Compare[],
    success: readonly Operation[],
    failure: readonly Operation[] = [],
  ): Promise<TxnResult> {
    return this.barn.txn(compares, success, failure);
  }

  /** The object itself: what was sealed is open. For a projection it is what that shows. */
  reveal(stored: Stored): Unstructured {
    return isSecretKey(stored.key) ? this.#vault.open(stored.object, stored.herdUid ?? '') : stored.object;
  }

  /** The bytes to store for an object as `reveal` gives it; its resourceVersion is not among them. */
  encode(object: Unstructured, key: string): Uint8Array {
    const stored = isSecretKey(key) ? this.#vault.seal(object, partsOf(key).herdUid ?? '') : object;
    const { resourceVersion: _version, ...metadata } = stored.metadata;
    // In this order, so that the version can be put in without parsing (see `shownBytes`).
    const { apiVersion, kind, metadata: _metadata, ...fields } = stored;
    return encoder.encode(JSON.stringify({ apiVersion, kind, metadata, ...fields }));
  }

  parse(item: KeyValue): Stored {
    const kept = this.#parsed.get(item);
    if (kept !== undefined) return kept;
    const { herdUid } = partsOf(item.key);
    const stored = new StoredItem(item, herdUid);
    this.#parsed.set(item, stored);
    return stored;
  }
}

// Who asks for one name only, as each agent does for its node, must not have all others looked at.
function rangeOf(
  info: KindInfo,
  herdUid: string | undefined,
  { after, name }: { readonly after?: string; readonly name?: string | undefined },
): [start: string, end: string | undefined] {
  const prefix = herdUid === undefined ? kindPrefix(info) : herdPrefix(info, herdUid);
  const isOne = herdUid !== undefined || info.scope === 'Cluster';
  if (isOne && name !== undefined && storableName.test(name) && after === undefined)
    return [objectKey(info, herdUid, name), undefined];
  return [after === undefined ? prefix : `${after} `, prefixEnd(prefix)];
}

/** Parsed when somebody looks into it. */
class StoredItem implements Stored {
  readonly key: string;
  readonly revision: Revision;
  readonly created: Revision;
  readonly herdUid: string | undefined;
  readonly value: Uint8Array;
  #object: Unstructured | undefined;

  constructor(item: KeyValue, herdUid: string | undefined) {
    this.key = item.key;
    this.revision = item.modRevision;
    this.created = item.createRevision;
    this.herdUid = herdUid;
    this.value = item.value;
  }

  get object(): Unstructured {
    this.#object ??= parseObject(this.key, this.value, String(this.revision));
    return this.#object;
  }
}

const secretPrefix = kindPrefix(kinds.secrets);

function isSecretKey(key: string): boolean {
  return key.startsWith(secretPrefix);
}

/** A revealed object as the API shows it under `info`. */
export function show(info: KindInfo, object: Unstructured): Unstructured {
  // What was written in another version of a user's kind differs in nothing but its name (conversion None); its schema may
  // have changed since.
  if (info.definition !== undefined) return inVersion(asRead(info, object), apiVersionOf(info));
  return projectionOf(info)?.show(object) ?? object;
}

/** What a written view of `info` stands for; `before` is what is stored. */
export function unshow(info: KindInfo, view: Unstructured, before: Unstructured | undefined): Unstructured {
  const { group, storageVersion } = info;
  if (storageVersion !== undefined) return inVersion(view, apiVersionOf({ group, version: storageVersion }));
  const projection = projectionOf(info);
  return projection === undefined ? view : projection.unshow(view, before);
}

function inVersion(object: Unstructured, apiVersion: string): Unstructured {
  return object.apiVersion === apiVersion ? object : { ...object, apiVersion };
}

/** `object` with another resourceVersion. */
export function withVersion(object: Unstructured, revision: Revision): Unstructured {
  return { ...object, metadata: { ...object.metadata, resourceVersion: String(revision) } };
}

// What is stored was an object of ours when it was written; anything else is a bug or a damaged store.
function parseObject(key: string, value: Uint8Array, resourceVersion: string): Unstructured {
  const parsed: unknown = JSON.parse(decoder.decode(value));
  if (!isRecord(parsed) || !isRecord(parsed.metadata)) throw new Error(`the value of key ${key} is no object`);
  return { ...parsed, metadata: { ...parsed.metadata, resourceVersion } };
}
