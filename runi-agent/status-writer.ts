// Statuses on their way to the API: each is repeated until it is acknowledged, and never overwrites another's final one.
import { isApiError, kinds, type Slice } from '../apis/index.ts';
import { type Clock, type Log, type Random, runWorkers, WorkQueue } from '../base/index.ts';
import type { Client } from '../client/index.ts';
import type { FinalStatus } from './judge.ts';
import { isTerminal } from './plan.ts';

/** Statuses not yet acknowledged at one time; the agent starts nothing new at the bound. */
export const statusesMax = 4_096;
const writersMax = 8;
const backoff = { baseMs: 50, capMs: 10_000 };

interface Entry {
  /** The newest version of the object that we know. */
  base: Slice;
  status: FinalStatus;
  isWritten: boolean;
  mustRefetch: boolean;
}

/** Writes the newest status put for each slice. */
export class StatusWriter {
  readonly #client: Client;
  readonly #log: Log;
  readonly #queue: WorkQueue;
  readonly #entries = new Map<string, Entry>();

  constructor(deps: { readonly client: Client; readonly clock: Clock; readonly random: Random; readonly log: Log }) {
    this.#client = deps.client;
    this.#log = deps.log;
    this.#queue = new WorkQueue({ clock: deps.clock, random: deps.random, backoff });
  }

  get isFull(): boolean {
    return this.#entries.size >= statusesMax;
  }

  /** What was last decided about the slice, until its object says so too. */
  statusOf(uid: string): FinalStatus | undefined {
    return this.#entries.get(uid)?.status;
  }

  /** Puts a status; a final one is never replaced. */
  put(slice: Slice, status: FinalStatus): void {
    const uid = slice.metadata.uid ?? '';
    const known = this.#entries.get(uid);
    if (known !== undefined && isFinal(known.status)) return;
    if (known === undefined) this.#entries.set(uid, { base: slice, status, isWritten: false, mustRefetch: false });
    else Object.assign(known, { status, isWritten: false });
    this.#queue.add(uid);
  }

  /** Tells what the API says of a slice now; `undefined`: it is gone. */
  observe(uid: string, slice: Slice | undefined): void {
    if (slice === undefined || isFinal(slice.status ?? {})) this.#entries.delete(uid);
  }

  /** The store may have forgotten what it acknowledged: everything that its objects do not say yet is written again. */
  relisted(): void {
    for (const [uid, entry] of this.#entries) {
      Object.assign(entry, { isWritten: false, mustRefetch: true });
      this.#queue.add(uid);
    }
  }

  /** Writes until `stop`; what is left then is tried once more. */
  run(): Promise<void> {
    return runWorkers(this.#queue, writersMax, (uid) => this.#write(uid));
  }

  /** Resolves when what was put has been tried. */
  stop(): Promise<void> {
    return this.#queue.drain();
  }

  async #write(uid: string): Promise<void> {
    const entry = this.#entries.get(uid);
    if (entry === undefined || entry.isWritten) return;
    const { status } = entry;
    try {
      if (entry.mustRefetch) entry.base = await this.#client.get(kinds.slices, refOf(entry.base));
      entry.mustRefetch = false;
      if (entry.base.metadata.uid !== uid || isFinal(entry.base.status ?? {})) {
        this.#entries.delete(uid);
        return;
      }
      entry.base = await this.#client.updateStatus(kinds.slices, { ...entry.base, status });
      // Put again meanwhile: the queue has the key once more.
      entry.isWritten = entry.status === status;
      this.#queue.forget(uid);
    } catch (cause) {
      this.#failed(uid, entry, cause);
    }
  }

  #failed(uid: string, entry: Entry, cause: unknown): void {
    const slice = entry.base.metadata.name;
    if (!isApiError(cause)) throw cause;
    const { reason, message } = cause;
    if (reason === 'NotFound' || reason === 'Invalid' || reason === 'BadRequest') {
      if (reason !== 'NotFound') this.#log.error('status refused', { slice, reason, error: message });
      this.#entries.delete(uid);
      return;
    }
    if (reason !== 'Conflict') this.#log.warn('status not written yet', { slice, reason, error: message });
    entry.mustRefetch = true;
    this.#queue.addRateLimited(uid);
  }
}

function isFinal(status: FinalStatus): boolean {
  return isTerminal({ phase: status.phase ?? 'Pending' });
}

function refOf(slice: Slice): { readonly namespace: string; readonly name: string } {
  return { namespace: slice.metadata.namespace ?? '', name: slice.metadata.name ?? '' };
}
