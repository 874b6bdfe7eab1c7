// The cluster as verbs see it: objects through Client, and the few things that are no objects (tables, logs, OpenAPI)
// through send.
import type { KindInfo, Ref } from '../apis/index.ts';
import type { Client } from '../client/index.ts';

/** How a path of the API is asked for. */
export interface ApiRequest {
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly accept?: string;
  readonly signal?: AbortSignal;
  /** The answer may be long in coming: watches, followed logs. */
  readonly isLong?: boolean;
}

/** An answer with a good status; its body can be read once, in one form. */
export interface ApiAnswer {
  json(): Promise<unknown>;
  chunks(): AsyncIterable<Uint8Array>;
}

/** The cluster that a kubeconfig leads to. */
export interface Api {
  readonly client: Client;
  readonly serverUrl: string;
  /** All addresses of the API. */
  readonly serverUrls: readonly string[];
  /** The kubeconfig that led here. */
  readonly source: string;
  /** The herd that -n or the kubeconfig's context names. */
  readonly namespace: string;
  /** Errors: ApiError, as Client gives them. */
  get(path: string, request?: ApiRequest): Promise<ApiAnswer>;
  /** A request that changes something, with a JSON body. Errors: as `get`. */
  send(method: 'POST' | 'DELETE', path: string, body?: unknown): Promise<ApiAnswer>;
}

/** A Ref in the herd if the kind lives in herds. */
export function refIn(kind: KindInfo, namespace: string, name: string): Ref {
  return kind.scope === 'Namespaced' ? { namespace, name } : { name };
}

/** Text lines of a byte stream, without their newline; a last line without one counts too. */
export async function* linesOf(chunks: AsyncIterable<Uint8Array>): AsyncIterable<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of chunks) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = parts.pop() ?? '';
    yield* parts;
  }
  rest += decoder.decode();
  if (rest !== '') yield rest;
}
