// Client over HTTPS: Kubernetes' REST conventions (https://kubernetes.io/docs/reference/using-api/api-concepts/).
import type { Readable } from 'node:stream';
import {
  type ApiObject,
  apiVersionOf,
  fenceHeader,
  fenceText,
  isApiError,
  type Kind,
  kinds,
  type ObjectList,
  type Ref,
  type WatchEvent,
} from '../apis/index.ts';
import { type Clock, systemClock } from '../base/index.ts';
import { linesOf, parseList, parseObject, parseWatchLine, readAnswer } from './body.ts';
import type {
  BindingRequest,
  Client,
  DeleteOptions,
  ListOptions,
  Patch,
  WatchOptions,
  WriteOptions,
} from './client.ts';
import type { Connection } from './kubeconfig.ts';
import { collectionPath, objectPath, refOf } from './paths.ts';
import { openRawClient, type RawClient, type RawClientOptions, type RawRequest, type RawResponse } from './raw.ts';

const patchTypes = { merge: 'application/merge-patch+json', json: 'application/json-patch+json' } as const;
const metadataAccept = (form: 'PartialObjectMetadata' | 'PartialObjectMetadataList'): string =>
  `application/json;as=${form};g=meta.k8s.io;v=v1,application/json`;

/** The HTTP twin. `raw` is the same connection for what has no method here. Dispose it to close its connections. */
export class HttpClient implements Client, Disposable {
  readonly raw: RawClient;
  readonly #clock: Clock;

  constructor(connection: Connection, options: RawClientOptions = {}) {
    this.raw = openRawClient(connection, options);
    this.#clock = options.clock ?? systemClock;
  }

  [Symbol.dispose](): void {
    this.raw[Symbol.dispose]();
  }

  async get<T extends ApiObject>(kind: Kind<T>, ref: Ref, options: { readonly signal?: AbortSignal } = {}): Promise<T> {
    return parseObject(kind, await this.#send({ method: 'GET', path: objectPath(kind, ref), ...signalOf(options) }));
  }

  async list<T extends ApiObject>(kind: Kind<T>, options: ListOptions = {}): Promise<ObjectList<T>> {
    const bytes = await this.#send({
      method: 'GET',
      path: collectionPath(kind, options.namespace),
      query: {
        labelSelector: options.labelSelector,
        fieldSelector: options.fieldSelector,
        limit: options.limit?.toString(),
        continue: options.continue,
        resourceVersion: options.resourceVersion,
      },
      ...(options.metadataOnly === true && { headers: { accept: metadataAccept('PartialObjectMetadataList') } }),
      ...signalOf(options),
    });
    return parseList(kind, bytes);
  }

  async *watch<T extends ApiObject>(kind: Kind<T>, options: WatchOptions = {}): AsyncIterable<WatchEvent<T>> {
    const isInitial = options.resourceVersion === undefined;
    let response: RawResponse | undefined;
    try {
      response = await this.raw.request({
        method: 'GET',
        path: collectionPath(kind, options.namespace),
        query: {
          watch: 'true',
          allowWatchBookmarks: 'true',
          labelSelector: options.labelSelector,
          fieldSelector: options.fieldSelector,
          resourceVersion: options.resourceVersion,
          ...(isInitial && { sendInitialEvents: 'true', resourceVersionMatch: 'NotOlderThan' }),
        },
        ...(options.metadataOnly === true && { headers: { accept: metadataAccept('PartialObjectMetadata') } }),
        ...signalOf(options),
      });
      if (response.status !== 200) await readAnswer(response);
      using idle = endWhenSilent(response.body, this.#clock);
      for await (const line of linesOf(response.body)) {
        idle.waits(false);
        yield parseWatchLine(kind, line);
        idle.waits(true);
      }
    } catch (cause) {
      if (options.signal?.aborted === true) return;
      const isBroken = isBrokenStream(cause);
      if (response !== undefined && (isBroken || isApiError(cause, 'ServiceUnavailable')))
        this.raw.avoid(response.server);
      // A stream that breaks off is as good as one that the server ended: whoever reads it resumes where it was.
      if (!isBroken) throw cause;
    }
  }

  async create<T extends ApiObject>(kind: Kind<T>, object: T, options: WriteOptions = {}): Promise<T> {
    return this.#write('POST', collectionPath(kind, object.metadata.namespace), kind, object, options);
  }

  async update<T extends ApiObject>(kind: Kind<T>, object: T, options: WriteOptions = {}): Promise<T> {
    return this.#write('PUT', objectPath(kind, refOf(object)), kind, object, options);
  }

  async updateStatus<T extends ApiObject>(kind: Kind<T>, object: T, options: WriteOptions = {}): Promise<T> {
    return this.#write('PUT', objectPath(kind, refOf(object), 'status'), kind, object, options);
  }

  async patch<T extends ApiObject>(
    kind: Kind<T>,
    ref: Ref,
    patch: Patch,
    options: WriteOptions & { readonly subresource?: 'status' } = {},
  ): Promise<T> {
    const bytes = await this.#send({
      method: 'PATCH',
      path: objectPath(kind, ref, options.subresource),
      query: writeQuery(options),
      headers: { 'content-type': patchTypes[patch.type], ...fenceOf(options) },
      body: JSON.stringify(patch.body),
      ...signalOf(options),
    });
    return parseObject(kind, bytes);
  }

  async delete<T extends ApiObject>(kind: Kind<T>, ref: Ref, options: DeleteOptions = {}): Promise<void> {
    const { propagationPolicy, gracePeriodSeconds, preconditions, dryRun } = options;
    await this.#send({
      method: 'DELETE',
      path: objectPath(kind, ref),
      query: { dryRun: dryRun === true ? 'All' : undefined },
      headers: { 'content-type': 'application/json', ...fenceOf(options) },
      body: JSON.stringify({
        kind: 'DeleteOptions',
        apiVersion: 'v1',
        propagationPolicy,
        gracePeriodSeconds,
        preconditions,
        ...(dryRun === true && { dryRun: ['All'] }),
      }),
      ...signalOf(options),
    });
  }

  async bind(slice: Ref, binding: BindingRequest): Promise<void> {
    await this.#send({
      method: 'POST',
      path: objectPath(kinds.slices, slice, 'binding'),
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        apiVersion: apiVersionOf(kinds.slices),
        kind: 'Binding',
        metadata: { name: slice.name, namespace: slice.namespace, resourceVersion: binding.resourceVersion },
        target: { kind: 'Node', name: binding.nodeName },
        epoch: binding.epoch,
      }),
    });
  }

  async getContent(bundle: Ref): Promise<Uint8Array> {
    return this.#send({
      method: 'GET',
      path: objectPath(kinds.bundles, bundle, 'content'),
      headers: { accept: 'application/octet-stream' },
    });
  }

  async putContent(bundle: Ref, bytes: Uint8Array): Promise<void> {
    await this.#send({
      method: 'PUT',
      path: objectPath(kinds.bundles, bundle, 'content'),
      headers: { 'content-type': 'application/octet-stream' },
      body: bytes,
    });
  }

  async #write<T extends ApiObject>(
    method: 'POST' | 'PUT',
    path: string,
    kind: Kind<T>,
    object: T,
    options: WriteOptions,
  ): Promise<T> {
    const bytes = await this.#send({
      method,
      path,
      query: writeQuery(options),
      headers: { 'content-type': 'application/json', ...fenceOf(options) },
      body: JSON.stringify({ apiVersion: apiVersionOf(kind), kind: kind.kind, ...object }),
      ...signalOf(options),
    });
    return parseObject(kind, bytes);
  }

  async #send(request: RawRequest): Promise<Buffer> {
    const response = await this.raw.request(request);
    try {
      return await readAnswer(response);
    } catch (cause) {
      // The answer broke off: a read may be asked again, of another server if there is one.
      if (request.method !== 'GET' || response.status !== 200 || !isApiError(cause, 'Timeout')) throw cause;
      this.raw.avoid(response.server);
      return readAnswer(await this.raw.request(request));
    }
  }
}

/** A server that has nothing to tell sends a bookmark at least every 30 s: one that is silent for longer hangs or is cut off. */
const silentMsMax = 45_000;

function endWhenSilent(body: Readable, clock: Clock): Disposable & { waits(isWaiting: boolean): void } {
  // The time in which the reader itself is busy does not count.
  let isWaiting = true;
  let wasWaiting = false;
  const look = (): void => {
    if (wasWaiting && isWaiting)
      body.destroy(Object.assign(new Error('the server fell silent'), { code: 'ECONNRESET' }));
    wasWaiting = isWaiting;
    timer = clock.after(silentMsMax, look, { unref: true });
  };
  let timer = clock.after(silentMsMax, look, { unref: true });
  return {
    waits(now) {
      isWaiting = now;
      wasWaiting = false;
    },
    [Symbol.dispose]: () => timer.cancel(),
  };
}

function writeQuery(options: WriteOptions): Record<string, string | undefined> {
  return {
    dryRun: options.dryRun === true ? 'All' : undefined,
    fieldValidation: options.fieldValidation ?? 'Strict',
    fieldManager: options.fieldManager,
  };
}

const fenceOf = ({ fence }: Pick<WriteOptions, 'fence'>): Record<string, string> =>
  fence === undefined ? {} : { [fenceHeader]: fenceText(fence) };

const signalOf = ({ signal }: { readonly signal?: AbortSignal }): { signal?: AbortSignal } =>
  signal === undefined ? {} : { signal };

const brokenStreamCodes = new Set(['ECONNRESET', 'EPIPE', 'ERR_STREAM_PREMATURE_CLOSE']);
const isBrokenStream = (cause: unknown): boolean =>
  cause instanceof Error && 'code' in cause && typeof cause.code === 'string' && brokenStreamCodes.has(cause.code);
