// A client that has no place: every request goes to one of the servers at random, and what it sees must fit together all the same.
import type { ApiError } from '../../../apis/index.ts';
import { isApiError } from '../../../apis/index.ts';
import { type Connection, HttpClient, urlsOf } from '../../../client/index.ts';
import type { Chance } from '../../sim/chance.ts';

/** A server that is stopped answers nothing: its client turns away after this. */
const requestMsMax = 4_000;

/** One client for each server of a connection. Dispose it to close them. */
export class Servers implements Disposable {
  readonly each: readonly HttpClient[];

  constructor(connection: Connection) {
    const { otherUrls: _others, ...own } = connection;
    this.each = urlsOf(connection).map((url) => new HttpClient({ ...own, url }, { timeoutMs: requestMsMax }));
  }

  [Symbol.dispose](): void {
    for (const client of this.each) client[Symbol.dispose]();
  }
}

/** Picks a server for each request. */
export class Roaming {
  readonly #servers: Servers;
  readonly #chance: Chance;

  constructor(servers: Servers, chance: Chance) {
    this.#servers = servers;
    this.#chance = chance;
  }

  /** The client of a server at random. */
  any(): HttpClient {
    return this.#chance.pick(this.#servers.each);
  }

  /** Does `ask` at one server after another until one does it; `ask` must be harmless when repeated. */
  insist<T>(ask: (client: HttpClient) => Promise<T>, signal: AbortSignal): Promise<T> {
    return insist(() => ask(this.any()), signal);
  }
}

/** Does what is harmless when repeated until it is done. */
export async function insist<T>(ask: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (;;) {
    try {
      return await ask();
    } catch (cause) {
      if (!isTrouble(cause)) throw cause;
      if (signal.aborted) throw new Error('not done in time', { cause });
    }
    await pause(100);
  }
}

/** Whether the server could not do what was asked, or nobody knows whether it did: what kills and stops of servers may bring. */
export function isTrouble(cause: unknown): cause is ApiError {
  return isApiError(cause, 'ServiceUnavailable', 'Timeout', 'TooManyRequests');
}

/**
 * Aborts after `ms`, or with `outer`. Not AbortSignal.any of an AbortSignal.timeout: nothing holds the latter there, and once it is
 * collected it never comes.
 */
export function within(ms: number, outer: AbortSignal): AbortSignal {
  const inner = new AbortController();
  const abort = (): void => {
    clearTimeout(timer);
    outer.removeEventListener('abort', abort);
    inner.abort();
  };
  const timer = setTimeout(abort, ms);
  if (outer.aborted) abort();
  else outer.addEventListener('abort', abort);
  return inner.signal;
}

/** Lets time pass. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
