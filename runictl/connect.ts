import { homedir } from 'node:os';
import { join } from 'node:path';
import { ApiError, type StatusReason, statusCodes } from '../apis/index.ts';
import {
  type Connection,
  HttpClient,
  KubeconfigError,
  loadKubeconfig,
  type RawRequest,
  type RawResponse,
  urlsOf,
} from '../client/index.ts';
import type { Api, ApiAnswer } from './api.ts';
import { CommandError, UsageError } from './failure.ts';
import { parseDurationMs } from './print/duration.ts';
import type { Terminal } from './terminal.ts';
import { isRecord, textOf } from './values.ts';

/** Flags that every verb understands. */
export interface GlobalFlags {
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly namespace?: string;
  readonly server?: string;
  readonly requestTimeout?: string;
}

const errorBytesMax = 1024 * 1024;

/** The cluster that flags, KUBECONFIG or ~/.kube/config name. Errors: CommandError that says which file was looked for. */
export async function connect(flags: GlobalFlags, terminal: Terminal): Promise<Api> {
  const { connection, source } = await findConnection(flags, terminal);
  const timeoutMs = requestTimeoutMs(flags.requestTimeout);
  const client = new HttpClient(connection, {
    userAgent: 'runictl',
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  });
  const ask = async (request: RawRequest): Promise<ApiAnswer> => {
    const response = await client.raw.request(request);
    if (response.status >= 400) throw await errorOf(response);
    return {
      json: async () => JSON.parse((await readAll(response, Number.POSITIVE_INFINITY)).toString('utf8')) as unknown,
      chunks: () => response.body,
    };
  };
  return {
    client,
    serverUrl: connection.url,
    serverUrls: urlsOf(connection),
    source,
    namespace: flags.namespace ?? connection.namespace,
    get: (path, { query, accept, signal, isLong } = {}) =>
      ask({
        method: 'GET',
        path,
        ...(query === undefined ? {} : { query }),
        ...(accept === undefined ? {} : { headers: { accept } }),
        ...(signal === undefined ? {} : { signal }),
        ...(isLong === true ? { timeoutMs: 0 } : {}),
      }),
    send: (method, path, body) =>
      ask({
        method,
        path,
        ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
      }),
  };
}

/** The kubeconfig in use: the flag, KUBECONFIG's first file, or ~/.kube/config. */
export function kubeconfigPath(flags: GlobalFlags, terminal: Terminal): string {
  if (flags.kubeconfig !== undefined) return flags.kubeconfig;
  const listed = terminal.env['KUBECONFIG']?.split(':').find((path) => path !== '');
  return listed ?? join(terminal.env['HOME'] ?? homedir(), '.kube', 'config');
}

async function findConnection(
  flags: GlobalFlags,
  terminal: Terminal,
): Promise<{ readonly connection: Connection; readonly source: string }> {
  const path = kubeconfigPath(flags, terminal);
  try {
    const connection = await loadKubeconfig(path, flags.context === undefined ? {} : { context: flags.context });
    return { connection: flags.server === undefined ? connection : at(connection, flags.server), source: path };
  } catch (cause) {
    if (!(cause instanceof KubeconfigError)) throw cause;
    throw new CommandError(
      `${cause.message}\nName a cluster with --kubeconfig FILE or KUBECONFIG; "runictl dev --data DIR" starts one and writes DIR/kubeconfig.`,
      { cause },
    );
  }
}

/** Only this address: who names one wants that one asked. */
function at(connection: Connection, url: string): Connection {
  const { otherUrls: _others, ...rest } = connection;
  return { ...rest, url };
}

function requestTimeoutMs(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const timeoutMs = parseDurationMs(text);
  if (timeoutMs === undefined)
    throw new UsageError(`--request-timeout: "${text}" is no duration; write e.g. 30s, 2m or 0 for none`);
  return timeoutMs;
}

async function errorOf(response: RawResponse): Promise<ApiError> {
  const text = (await readAll(response, errorBytesMax)).toString('utf8');
  let status: unknown;
  try {
    status = JSON.parse(text);
  } catch {
    status = undefined;
  }
  if (isRecord(status) && status['kind'] === 'Status' && isReason(status['reason']))
    return new ApiError(
      status['reason'],
      textOf(status['message']),
      isRecord(status['details']) ? status['details'] : undefined,
    );
  const reason = Object.entries(statusCodes).find(([, code]) => code === response.status)?.[0];
  return new ApiError(
    isReason(reason) ? reason : 'InternalError',
    text.slice(0, 200) || `HTTP status ${response.status}`,
  );
}

function isReason(reason: unknown): reason is StatusReason {
  return typeof reason === 'string' && Object.hasOwn(statusCodes, reason);
}

async function readAll(response: RawResponse, bytesMax: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let total = 0;
  for await (const chunk of response.body as AsyncIterable<Buffer>) {
    total += chunk.length;
    if (total > bytesMax) break;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
