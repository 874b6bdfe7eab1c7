import type { ApiObject, Fence, Kind, ObjectList, Ref, WatchEvent } from '../apis/index.ts';
import type {
  BindingRequest,
  Client,
  DeleteOptions,
  ListOptions,
  Patch,
  WatchOptions,
  WriteOptions,
} from './client.ts';

/**
 * The same API for one who leads by a lease: every write carries `fence`, so that none is done once another leads. Reads are not
 * fenced; a binding names the scheduler's epoch itself, and a bundle's bytes need no fence: they are put once, by their hash.
 */
export class FencedClient implements Client {
  readonly #client: Client;
  readonly #fence: Fence;

  constructor(client: Client, fence: Fence) {
    this.#client = client;
    this.#fence = fence;
  }

  get<T extends ApiObject>(kind: Kind<T>, ref: Ref, options?: { readonly signal?: AbortSignal }): Promise<T> {
    return this.#client.get(kind, ref, options);
  }

  list<T extends ApiObject>(kind: Kind<T>, options?: ListOptions): Promise<ObjectList<T>> {
    return this.#client.list(kind, options);
  }

  watch<T extends ApiObject>(kind: Kind<T>, options?: WatchOptions): AsyncIterable<WatchEvent<T>> {
    return this.#client.watch(kind, options);
  }

  create<T extends ApiObject>(kind: Kind<T>, object: T, options?: WriteOptions): Promise<T> {
    return this.#client.create(kind, object, this.#fenced(options));
  }

  update<T extends ApiObject>(kind: Kind<T>, object: T, options?: WriteOptions): Promise<T> {
    return this.#client.update(kind, object, this.#fenced(options));
  }

  updateStatus<T extends ApiObject>(kind: Kind<T>, object: T, options?: WriteOptions): Promise<T> {
    return this.#client.updateStatus(kind, object, this.#fenced(options));
  }

  patch<T extends ApiObject>(
    kind: Kind<T>,
    ref: Ref,
    patch: Patch,
    options?: WriteOptions & { readonly subresource?: 'status' },
  ): Promise<T> {
    return this.#client.patch(kind, ref, patch, this.#fenced(options));
  }

  delete<T extends ApiObject>(kind: Kind<T>, ref: Ref, options?: DeleteOptions): Promise<void> {
    return this.#client.delete(kind, ref, this.#fenced(options));
  }

  bind(slice: Ref, binding: BindingRequest): Promise<void> {
    return this.#client.bind(slice, binding);
  }

  getContent(bundle: Ref): Promise<Uint8Array> {
    return this.#client.getContent(bundle);
  }

  putContent(bundle: Ref, bytes: Uint8Array): Promise<void> {
    return this.#client.putContent(bundle, bytes);
  }

  #fenced<O extends WriteOptions | DeleteOptions>(options?: O): O & { readonly fence: Fence } {
    return { ...options, fence: this.#fence } as O & { readonly fence: Fence };
  }
}
