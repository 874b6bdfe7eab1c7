// The agent's side of the exchange: names slots to it and passes its bytes on, unparsed.
import { spawn } from 'node:child_process';
import type { Duplex } from 'node:stream';
import { ApiError } from '../apis/index.ts';
import { type BackoffOptions, backoffMs, type Clock, type Log, type Random, sleep } from '../base/index.ts';
import type { ExchangeRequest, LogId, LogQuery } from './exchange/requests.ts';
import type { LogExchange } from './member.ts';
import type { Slot } from './spawner.ts';
import { StreamClient } from './streams.ts';

const backoff: BackoffOptions = { baseMs: 50, capMs: 5_000 };

/** A connection to an exchange. */
export interface ExchangeConnection {
  readonly socket: Duplex;
  /** Ends the process behind it, if it is ours. */
  close(): Promise<void>;
}

/** How to reach the exchange, and whose it is. */
export interface ExchangeOptions {
  /** Makes a connection: once, or again after each end when `isOurs`. */
  readonly connect: () => ExchangeConnection;
  /** We started the exchange and start another when it dies. Otherwise its end is ours: see `closed`. */
  readonly isOurs: boolean;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** The exchange of this node; slots that are open are named again to one that took a dead one's place. */
export class ExchangeClient implements LogExchange, AsyncDisposable {
  /** Resolves when no exchange will come any more. */
  readonly closed: Promise<void>;
  readonly #options: ExchangeOptions;
  readonly #slots = new Map<Slot, LogId>();
  readonly #stopping = new AbortController();
  #connection: ExchangeConnection;
  #client: StreamClient;

  constructor(options: ExchangeOptions) {
    this.#options = options;
    this.#connection = options.connect();
    this.#client = new StreamClient(this.#connection.socket);
    this.closed = this.#keep();
  }

  async open(slot: Slot, of: LogId): Promise<void> {
    this.#slots.set(slot, of);
    try {
      await this.#call({ do: 'open', slot, ...of });
    } catch (cause) {
      // With an exchange of ours the next one will be told.
      if (!this.#options.isOurs) throw cause;
      this.#options.log.warn('log of a slot not open yet', { slot, error: String(cause) });
    }
  }

  async close(slot: Slot): Promise<void> {
    this.#slots.delete(slot);
    try {
      await this.#call({ do: 'close', slot });
    } catch (cause) {
      this.#options.log.warn('log of a slot not closed', { slot, error: String(cause) });
    }
  }

  /** The text of a log; throws ApiError NotFound. */
  read(query: LogQuery, signal?: AbortSignal): AsyncIterable<Buffer> {
    const request: ExchangeRequest = { do: 'log', ...query };
    return this.#client.ask(request, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    await this.#connection.close();
    await this.closed;
  }

  async #call(request: ExchangeRequest): Promise<void> {
    await this.#client.call(request);
  }

  async #keep(): Promise<void> {
    const { signal } = this.#stopping;
    const { clock, random, log, isOurs, connect } = this.#options;
    for (let failures = 0; ; failures++) {
      await this.#client.closed;
      if (signal.aborted || !isOurs) return;
      log.warn('exchange ended, starting another', { slots: this.#slots.size });
      await this.#connection.close();
      await sleep(clock, backoffMs(failures, backoff, random), signal).catch(() => {});
      if (signal.aborted) return;
      this.#connection = connect();
      this.#client = new StreamClient(this.#connection.socket);
      const startedMs = clock.monotonicMs();
      void this.#client.closed.then(() => {
        if (clock.monotonicMs() - startedMs > backoff.capMs) failures = 0;
      });
      for (const [slot, of] of this.#slots)
        await this.#call({ do: 'open', slot, ...of }).catch((cause: unknown) => {
          log.warn('log of a slot not opened again', { slot, error: String(cause) });
        });
    }
  }
}

/** Starts an exchange as our child, on descriptor 3. */
export function spawnExchange(options: {
  readonly node: string;
  readonly program: string;
  readonly directory: string;
  readonly logs: string;
}): ExchangeConnection {
  const argv = [options.program, '--agent-fd', '3', '--directory', options.directory, '--logs', options.logs];
  const child = spawn(options.node, argv, { stdio: ['ignore', 'ignore', 'inherit', 'pipe'], env: {} });
  const socket = child.stdio[3];
  if (socket === null || socket === undefined || !('write' in socket) || !('read' in socket))
    throw new ApiError('InternalError', 'the exchange has no descriptor 3');
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => {
      socket.destroy();
      resolve();
    });
  });
  return {
    // A pipe on a descriptor beyond stderr is a stream socket, readable and writable.
    socket: socket as Duplex,
    async close() {
      socket.destroy();
      await exited;
    },
  };
}
