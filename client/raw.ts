// HTTP requests to the API as they are: for discovery, tables, logs, and beneath the HTTP client.
import { Agent as HttpAgent, type IncomingHttpHeaders, type IncomingMessage, request as requestHttp } from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import { pipeline, type Readable } from 'node:stream';
import { createSecureContext } from 'node:tls';
import { ApiError, notDoneHereHeader } from '../apis/index.ts';
import { type Clock, systemClock, type Timer } from '../base/index.ts';
import { type Connection, urlsOf } from './kubeconfig.ts';
import { Servers } from './servers.ts';

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
  /** The address that answered. */
  readonly server: string;
  /** The caller reads it to its end or destroys it. */
  readonly body: Readable;
}

/**
 * Sends requests and gives whatever answer came, failures included (status ≥ 400 is no error here). With several addresses
 * it asks the next one when one cannot be reached or says that it did nothing because it has no leader; reads also when an
 * answer failed to come. A write that a server may have done is never sent twice.
 * Errors: ApiError ServiceUnavailable when no server could be reached, so that nothing was done; Timeout when one got the
 * request and the outcome is unknown; the signal's reason when it aborts.
 */
export interface RawClient extends Disposable {
  readonly connection: Connection;
  request(request: RawRequest): Promise<RawResponse>;
  /** Prefers another address from now on, if `server` is the one preferred: a stream from it ended before its time. */
  avoid(server: string): void;
}

/** How long to wait, and by which clock. */
export interface RawClientOptions {
  /** Longest wait for the head of an answer; default 30 s. */
  readonly timeoutMs?: number;
  /** The program's name, under which the fields that it writes are owned unless a write names a manager; default runink. */
  readonly userAgent?: string;
  readonly clock?: Clock;
}

const defaultTimeoutMs = 30_000;
/** Idle connections kept for the next request. */
const freeSocketsMax = 64;
const keepAliveMs = 15_000;
/** With another address left to ask: the longest waits for a connection, and for the answer to a read. */
const connectMsMax = 5_000;
const readMsMax = 12_000;

/** A client on keep-alive connections; dispose it to close them. */
export function openRawClient(connection: Connection, options: RawClientOptions = {}): RawClient {
  const servers = new Servers(urlsOf(connection));
  const isPlain = new URL(connection.url).protocol === 'http:';
  const agent = agentFor(connection, isPlain);
  const { timeoutMs = defaultTimeoutMs, clock = systemClock } = options;

  async function once(asked: RawRequest, server: string, waits: Waits): Promise<RawResponse> {
    asked.signal?.throwIfAborted();
    const url = new URL(server);
    const sent = (isPlain ? requestHttp : requestHttps)(url, {
      agent,
      method: asked.method,
      path: url.pathname.replace(/\/+$/, '') + asked.path + queryText(asked.query),
      headers: { 'user-agent': options.userAgent ?? 'runink', ...headersOf(asked, connection) },
      ...(asked.signal !== undefined && { signal: asked.signal }),
    });
    return new Promise<RawResponse>((resolve, reject) => {
      let isLate = false;
      let isConnected = false;
      const within = (ms: number, what: string): Timer | undefined =>
        ms > 0
          ? clock.after(ms, () => {
              isLate = true;
              sent.destroy(new Error(`no ${what} within ${ms} ms`));
            })
          : undefined;
      const answering = within(waits.answerMs, 'answer');
      const connecting = within(waits.connectMs, 'connection');
      sent.once('socket', (socket) => {
        const connected = (): void => {
          isConnected = true;
          connecting?.cancel();
        };
        if (sent.reusedSocket) connected();
        else socket.once(isPlain ? 'connect' : 'secureConnect', connected);
      });
      sent.once('response', (response: IncomingMessage) => {
        answering?.cancel();
        resolve({ status: response.statusCode ?? 0, headers: response.headers, server, body: response });
      });
      sent.on('error', (cause) => {
        answering?.cancel();
        connecting?.cancel();
        if (asked.signal?.aborted === true) reject(asked.signal.reason as Error);
        else reject(new SendError(cause, isConnected, sent.reusedSocket && !isLate));
      });
      const { body } = asked;
      if (!isStream(body)) sent.end(body);
      else
        pipeline(body, sent, (cause) => {
          if (cause != null) sent.destroy(cause);
        });
    });
  }

  return {
    connection,
    avoid: (server) => servers.avoid(server),
    async request(asked) {
      const isRead = asked.method === 'GET';
      const full: Waits = { answerMs: asked.timeoutMs ?? timeoutMs, connectMs: 0 };
      // A stream that was begun cannot be sent again.
      let others = isStream(asked.body) ? 0 : servers.count - 1;
      for (let reused = 0; ; ) {
        const server = servers.preferred;
        const hasOther = others > 0;
        try {
          const response = await once(asked, server, hasOther ? shorter(full, isRead) : full);
          if (!hasOther || response.headers[notDoneHereHeader] === undefined) return response;
          response.body.resume();
          servers.avoid(server);
        } catch (cause) {
          if (!(cause instanceof SendError)) throw cause;
          // A server may close an idle connection just as we send on it; reading again is harmless.
          if (cause.wasReused && isRead && reused++ === 0) continue;
          servers.avoid(server);
          if (!hasOther || (cause.wasConnected && !isRead)) throw asApiError(cause, asked, server);
        }
        others--;
      }
    },
    [Symbol.dispose]: () => agent.destroy(),
  };
}

/** Longest waits in milliseconds; 0: for ever. */
interface Waits {
  readonly answerMs: number;
  readonly connectMs: number;
}

function shorter({ answerMs }: Waits, isRead: boolean): Waits {
  return {
    answerMs: isRead && (answerMs === 0 || answerMs > readMsMax) ? readMsMax : answerMs,
    connectMs: connectMsMax,
  };
}

function agentFor(connection: Connection, isPlain: boolean): HttpAgent {
  const common = { keepAlive: true, keepAliveMsecs: keepAliveMs, maxFreeSockets: freeSocketsMax };
  if (isPlain) return new HttpAgent(common);
  return new HttpsAgent({
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
}

function isStream(body: RawRequest['body']): body is Readable {
  return body !== undefined && typeof body !== 'string' && !(body instanceof Uint8Array);
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

function asApiError(error: SendError, { method, path }: RawRequest, server: string): ApiError {
  const what = `${method} ${path} at ${server}`;
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
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
    ...(length !== undefined && { 'content-length': String(length) }),
    ...headers,
  };
}
