// HTTP requests to the API as they are: for discovery, tables, logs, and beneath the HTTP client.
import { Agent as HttpAgent, type IncomingHttpHeaders, type IncomingMessage, request as requestHttp } from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import { pipeline, type Readable } from 'node:stream';
import { createSecureContext } from 'node:tls';
import { ApiError } from '../apis/index.ts';
import { type Clock, systemClock } from '../base/index.ts';
import type { Connection } from './kubeconfig.ts';

/** A request as it goes over the wire. */
export interface RawRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** From the root, already encoded, e.g. `/api/v1/nodes`. */
  readonly path: string;
  /** Entries that are undefined are left out. */
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array | Readable;
  readonly signal?: AbortSignal;
  /** Longest wait for the answer's head; absent: the client's own, 0: for ever (watches, followed logs). */
  readonly timeoutMs?: number;
}

/** An answer whose head has come. */
export interface RawResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** The caller reads it to its end or destroys it. */
  readonly body: Readable;
}

/**
 * Sends requests and gives whatever answer came, failures included (status ≥ 400 is no error here).
 * Errors: ApiError ServiceUnavailable when the server could not be reached, so that nothing was done; Timeout when it got
 * the request and the outcome is unknown; the signal's reason when it aborts.
 */
export interface RawClient extends Disposable {
  readonly connection: Connection;
  request(request: RawRequest): Promise<RawResponse>;
}

/** How long to wait, and by which clock. */
export interface RawClientOptions {
  /** Longest wait for the head of an answer; default 30 s. */
  readonly timeoutMs?: number;
  readonly clock?: Clock;
}

const defaultTimeoutMs = 30_000;
/** Idle connections kept for the next request. */
const freeSocketsMax = 64;
const keepAliveMs = 15_000;

/** A client on keep-alive connections; dispose it to close them. */
export function openRawClient(connection: Connection, options: RawClientOptions = {}): RawClient {
  const base = new URL(connection.url);
  const isPlain = base.protocol === 'http:';
  const common = { keepAlive: true, keepAliveMsecs: keepAliveMs, maxFreeSockets: freeSocketsMax };
  const agent = isPlain
    ? new HttpAgent(common)
    : new HttpsAgent({
        ...common,
        // One for all connections: parsing certificates again costs more than the handshake.
        secureContext: createSecureContext({
          ...(connection.ca !== undefined && { ca: connection.ca }),
          ...(connection.cert !== undefined && { cert: connection.cert }),
          ...(connection.key !== undefined && { key: connection.key }),
        }),
        ...(connection.tlsServerName !== undefined && { servername: connection.tlsServerName }),
        rejectUnauthorized: connection.insecureSkipTlsVerify !== true,
      });
  const { timeoutMs = defaultTimeoutMs, clock = systemClock } = options;
  const prefix = base.pathname.replace(/\/+$/, '');

  async function once(asked: RawRequest): Promise<RawResponse> {
    asked.signal?.throwIfAborted();
    const url = new URL(base);
    const sent = (isPlain ? requestHttp : requestHttps)(url, {
      agent,
      method: asked.method,
      path: prefix + asked.path + queryText(asked.query),
      headers: headersOf(asked, connection),
      ...(asked.signal !== undefined && { signal: asked.signal }),
    });
    const waitMs = asked.timeoutMs ?? timeoutMs;
    let isConnected = false;
    sent.once('socket', (socket) => {
      if (sent.reusedSocket) isConnected = true;
      else socket.once(isPlain ? 'connect' : 'secureConnect', () => void (isConnected = true));
    });
    return new Promise<RawResponse>((resolve, reject) => {
      let isLate = false;
      const timer =
        waitMs > 0
          ? clock.after(waitMs, () => {
              isLate = true;
              sent.destroy(new Error(`no answer within ${waitMs} ms`));
            })
          : undefined;
      sent.once('response', (response: IncomingMessage) => {
        timer?.cancel();
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: response });
      });
      sent.on('error', (cause) => {
        timer?.cancel();
        if (asked.signal?.aborted === true) reject(asked.signal.reason as Error);
        else reject(new SendError(cause, isConnected, sent.reusedSocket && !isLate));
      });
      const { body } = asked;
      if (body === undefined || typeof body === 'string' || body instanceof Uint8Array) sent.end(body);
      else
        pipeline(body, sent, (cause) => {
          if (cause != null) sent.destroy(cause);
        });
    });
  }

  return {
    connection,
    async request(asked) {
      for (let attempt = 0; ; attempt++) {
        try {
          return await once(asked);
        } catch (cause) {
          if (!(cause instanceof SendError)) throw cause;
          // A server may close an idle connection just as we send on it; reading again is harmless.
          if (cause.wasReused && asked.method === 'GET' && attempt === 0) continue;
          throw asApiError(cause, asked, connection);
        }
      }
    },
    [Symbol.dispose]: () => agent.destroy(),
  };
}

class SendError extends Error {
  readonly wasConnected: boolean;
  readonly wasReused: boolean;

  constructor(cause: Error, wasConnected: boolean, wasReused: boolean) {
    super(cause.message, { cause });
    this.wasConnected = wasConnected;
    this.wasReused = wasReused;
  }
}

function asApiError(error: SendError, { method, path }: RawRequest, { url }: Connection): ApiError {
  const what = `${method} ${path} at ${url}`;
  return error.wasConnected
    ? new ApiError('Timeout', `${what}: the outcome is unknown: ${error.message}`, undefined, { cause: error.cause })
    : new ApiError('ServiceUnavailable', `${what}: the server cannot be reached: ${error.message}`, undefined, {
        cause: error.cause,
      });
}

function queryText(query: RawRequest['query']): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) if (value !== undefined) search.append(name, value);
  return search.size === 0 ? '' : `?${search.toString()}`;
}

function headersOf({ headers, body }: RawRequest, { token }: Connection): Record<string, string> {
  const length = typeof body === 'string' || body instanceof Uint8Array ? Buffer.byteLength(body) : undefined;
  return {
    accept: 'application/json',
    'user-agent': 'runink',
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
    ...(length !== undefined && { 'content-length': String(length) }),
    ...headers,
  };
}
