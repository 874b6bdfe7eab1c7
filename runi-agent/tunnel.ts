// The agent's dial-out streams: nobody dials a node, so the node keeps one connection open to every API server, on which that
// one asks for logs and progress (docs/wiring.md).
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { Duplex } from 'node:stream';
import { ApiError, tunnelProtocol } from '../apis/index.ts';
import {
  type BackoffOptions,
  backoffMs,
  type Clock,
  type Log,
  type Random,
  sleep,
  whenAborted,
} from '../base/index.ts';
import { type Connection, urlsOf } from '../client/index.ts';
import type { LogQuery } from './exchange/requests.ts';
import type { Progress, ProgressBoard } from './progress.ts';
import { type AnswerRequest, type AnswerStream, serveStreams } from './streams.ts';

/** A step's counters are told at most four times a second. */
const progressEveryMs = 250;
const backoff: BackoffOptions = { baseMs: 100, capMs: 5_000 };
const connectMsMax = 10_000;

/** What the tunnel works with; it closes none of it. */
export interface TunnelDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** Whose streams these are, and to which servers. */
export interface TunnelTarget {
  readonly connection: Connection;
  readonly node: string;
}

/**
 * Keeps a stream open to every server until the signal aborts, dialling again whenever one ends: whichever server a log is
 * asked of has a stream of its own to this node.
 */
export async function keepTunnels(
  target: TunnelTarget,
  answer: AnswerRequest,
  deps: TunnelDeps,
  signal: AbortSignal,
): Promise<void> {
  await Promise.all(urlsOf(target.connection).map((server) => keepTunnel(server, target, answer, deps, signal)));
}

async function keepTunnel(
  server: string,
  target: TunnelTarget,
  answer: AnswerRequest,
  deps: TunnelDeps,
  signal: AbortSignal,
): Promise<void> {
  const { clock, random, log } = deps;
  for (let failures = 0; !signal.aborted; ) {
    try {
      const socket = await dial(server, target, signal);
      failures = 0;
      void whenAborted(signal).then(() => socket.destroy());
      await serveStreams(socket, answer);
    } catch (cause) {
      if (signal.aborted) return;
      if (failures === 0) log.warn('tunnel not open', { server, error: String(cause) });
    }
    await sleep(clock, backoffMs(failures++, backoff, random), signal).catch(() => {});
  }
}

function dial(server: string, { connection, node }: TunnelTarget, signal: AbortSignal): Promise<Duplex> {
  const url = new URL(server);
  const send = url.protocol === 'http:' ? requestHttp : requestHttps;
  return new Promise((resolve, reject) => {
    const request = send(url, {
      path: `${url.pathname.replace(/\/+$/, '')}/api/v1/nodes/${encodeURIComponent(node)}/tunnel`,
      headers: {
        connection: 'Upgrade',
        upgrade: tunnelProtocol,
        ...(connection.token === undefined ? {} : { authorization: `Bearer ${connection.token}` }),
      },
      agent: false,
      timeout: connectMsMax,
      signal,
      ca: connection.ca,
      cert: connection.cert,
      key: connection.key,
      ...(connection.tlsServerName === undefined ? {} : { servername: connection.tlsServerName }),
      rejectUnauthorized: connection.insecureSkipTlsVerify !== true,
    });
    request.once('upgrade', (_response, socket, head: Buffer) => {
      socket.setTimeout(0);
      socket.setNoDelay(true);
      if (head.length > 0) socket.unshift(head);
      resolve(socket);
    });
    request.once('response', (response) => {
      response.resume();
      reject(new ApiError('ServiceUnavailable', `the server answered ${response.statusCode ?? 0} to the tunnel`));
    });
    request.once('timeout', () => request.destroy(new Error(`no answer within ${connectMsMax} ms`)));
    request.on('error', reject);
    request.end();
  });
}

/** The agent's answers. Log bytes come from the exchange and go on unparsed. */
export function answerServer(deps: {
  readonly readLog: (query: LogQuery, signal: AbortSignal) => AsyncIterable<Buffer>;
  readonly progress: ProgressBoard;
  readonly clock: Clock;
}): AnswerRequest {
  return async (request, stream) => {
    const asked = parseRequest(request);
    if (asked.do === 'progress') return writeProgress(asked.runUID, stream, deps.progress, deps.clock);
    for await (const chunk of deps.readLog(asked.query, stream.signal)) await stream.write(chunk);
  };
}

type Asked = { readonly do: 'log'; readonly query: LogQuery } | { readonly do: 'progress'; readonly runUID: string };

function parseRequest(value: unknown): Asked {
  const fields = typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
  const text = (field: string): string => {
    const found = fields[field];
    if (typeof found === 'string') return found;
    throw new ApiError('BadRequest', `the request has no ${field}`);
  };
  const number = (field: 'attempt' | 'tailLines' | 'sinceSeconds'): { readonly [name: string]: number } => {
    const found = fields[field];
    return typeof found === 'number' ? { [field]: found } : {};
  };
  switch (fields['do']) {
    case 'progress':
      return { do: 'progress', runUID: text('runUID') };
    case 'log':
      return {
        do: 'log',
        query: {
          runUID: text('runUID'),
          step: text('step'),
          follow: fields['follow'] === true,
          ...number('attempt'),
          ...number('tailLines'),
          ...number('sinceSeconds'),
          ...(typeof fields['sinceTime'] === 'string' ? { sinceTime: fields['sinceTime'] } : {}),
          ...(fields['timestamps'] === true ? { timestamps: true } : {}),
        },
      };
    default:
      throw new ApiError('BadRequest', 'the request is of no known sort');
  }
}

/** A JSON line for each step whose counters changed, until the run has no slice here. */
async function writeProgress(runUid: string, stream: AnswerStream, board: ProgressBoard, clock: Clock): Promise<void> {
  // Bounded by the slices of the run on this node: only the newest counters of each are kept.
  const pending = new Map<string, Progress>();
  const told = new Map<string, string>();
  let wake: () => void = () => {};
  const note = (): void => {
    for (const progress of board.of(runUid)) pending.set(progress.slice, progress);
    wake();
  };
  const subscription = board.changes$(runUid).subscribe(note);
  stream.signal.addEventListener('abort', () => wake());
  note();
  try {
    for (;;) {
      const lines = [...pending.values()].map((progress) => [progress.slice, `${JSON.stringify(progress)}\n`] as const);
      pending.clear();
      const news = lines.filter(([slice, line]) => told.get(slice) !== line);
      for (const [slice, line] of news) told.set(slice, line);
      if (news.length > 0) await stream.write(Buffer.from(news.map(([, line]) => line).join('')));
      stream.signal.throwIfAborted();
      if (!board.has(runUid) && pending.size === 0) return;
      if (news.length > 0) await sleep(clock, progressEveryMs, stream.signal);
      if (pending.size > 0 || !board.has(runUid) || stream.signal.aborted) continue;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  } finally {
    subscription.unsubscribe();
  }
}
