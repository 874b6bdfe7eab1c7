// The sockets on which slots write their logs, each in a directory of its own that only its slice sees.
import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { type Clock, type Log, sleep } from '../../base/index.ts';
import { LogFrameError, LogLines } from './log-lines.ts';
import type { LogStore } from './log-store.ts';
import type { LogId } from './requests.ts';

/** The init of a slice holds one connection, and opens another after an exchange was replaced. */
export const connectionsMax = 4;
/** How long what a dead slot wrote may take to be read. */
const closeMsMax = 2_000;

/** The log.sock of every slot, and what comes in through them. */
export class SlotLogs {
  readonly #directory: string;
  readonly #store: LogStore;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #slots = new Map<string, { readonly id: LogId; readonly server: Server; readonly sockets: Set<Socket> }>();

  constructor(deps: {
    readonly directory: string;
    readonly store: LogStore;
    readonly clock: Clock;
    readonly log: Log;
  }) {
    this.#directory = deps.directory;
    this.#store = deps.store;
    this.#clock = deps.clock;
    this.#log = deps.log;
  }

  /** Listens on SLOT/log.sock. */
  async open(slot: string, id: LogId): Promise<void> {
    await this.close(slot);
    const folder = join(this.#directory, slot);
    const path = join(folder, 'log.sock');
    mkdirSync(folder, { recursive: true, mode: 0o755 });
    rmSync(path, { force: true });
    const files = this.#store.open(id);
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      if (sockets.size >= connectionsMax) return void socket.destroy();
      sockets.add(socket);
      const lines = new LogLines();
      socket.on('data', (chunk: Buffer) => {
        try {
          files.append(lines.push(chunk, this.#time()));
        } catch (cause) {
          if (!(cause instanceof LogFrameError)) throw cause;
          this.#log.warn('slot broke the log protocol', { slot, error: cause.message });
          socket.destroy();
        }
      });
      socket.on('error', () => socket.destroy());
      socket.on('close', () => {
        files.append(lines.flush(this.#time()));
        sockets.delete(socket);
      });
    });
    this.#slots.set(slot, { id, server, sockets });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(path, resolve);
    });
    chmodSync(path, 0o622);
  }

  /** Ends the slot's log when all it wrote is read; an unknown slot is no error. */
  async close(slot: string): Promise<void> {
    const known = this.#slots.get(slot);
    if (known === undefined) return;
    this.#slots.delete(slot);
    const closed = new Promise<void>((resolve) => {
      known.server.close(() => resolve());
    });
    const timeout = new AbortController();
    await Promise.race([closed, sleep(this.#clock, closeMsMax, timeout.signal).catch(() => {})]);
    timeout.abort();
    for (const socket of known.sockets) socket.destroy();
    await closed;
    rmSync(join(this.#directory, slot), { recursive: true, force: true });
    this.#store.finish(known.id);
  }

  #time(): string {
    return new Date(this.#clock.now()).toISOString();
  }
}
