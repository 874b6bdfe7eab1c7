// An audit: every event of one kind from a revision on, followed at one server after another without a gap.
import { type ApiObject, isApiError, type Kind } from '../../../apis/index.ts';
import type { Chance } from '../../sim/chance.ts';
import { isTrouble, pause, Roaming, type Servers, within } from './roaming.ts';

/** One event as an audit keeps it. */
export interface Audited<T> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly version: number;
  readonly object: T;
}

/** What is followed, from when, and for how long at one server. */
export interface AuditOptions<T> {
  readonly kind: Kind<T>;
  readonly namespace: string;
  readonly from: number;
  /** The mean time at one server. */
  readonly restMs: number;
}

/** Follows until `stop`. What it was told against the rules of a watch stands in `violations`. */
export class Audit<T extends ApiObject> {
  readonly events: Audited<T>[] = [];
  readonly violations: string[] = [];
  readonly #options: AuditOptions<T>;
  readonly #roaming: Roaming;
  readonly #chance: Chance;
  readonly #abort = new AbortController();
  readonly #running: Promise<void>;
  #version: number;

  constructor(servers: Servers, chance: Chance, options: AuditOptions<T>) {
    this.#roaming = new Roaming(servers, chance);
    this.#chance = chance;
    this.#options = options;
    this.#version = options.from;
    this.#running = this.#run();
  }

  /** Resolves once it has told of everything up to `version`. */
  async reaches(version: number, signal: AbortSignal): Promise<void> {
    while (this.#version < version) {
      signal.throwIfAborted();
      await pause(50);
    }
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#abort;
    while (!signal.aborted) {
      try {
        await this.#follow();
      } catch (cause) {
        if (signal.aborted) return;
        if (!isTrouble(cause))
          this.violations.push(`the audit of ${this.#options.kind.plural} failed: ${String(cause)}`);
        await pause(100);
        // What is forgotten cannot be told any more.
        if (isApiError(cause, 'Expired', 'Gone')) return;
      }
    }
  }

  async #follow(): Promise<void> {
    const { kind, namespace, restMs } = this.#options;
    const signal = within(Math.ceil(this.#chance.around(restMs)) + 1, this.#abort.signal);
    const resourceVersion = String(this.#version);
    for await (const event of this.#roaming.any().watch(kind, { namespace, resourceVersion, signal })) {
      if (event.type === 'BOOKMARK') {
        this.#reach(Number(event.resourceVersion), 'a bookmark', true);
        continue;
      }
      const version = Number(event.object.metadata.resourceVersion);
      this.#reach(version, `${event.type} of ${event.object.metadata.name ?? ''}`, false);
      this.events.push({ type: event.type, version, object: event.object });
    }
  }

  #reach(version: number, what: string, mayRepeat: boolean): void {
    if (version < this.#version || (version === this.#version && !mayRepeat))
      this.violations.push(
        `the audit of ${this.#options.kind.plural}: ${what} at version ${version} came after ${this.#version} was told`,
      );
    this.#version = Math.max(this.#version, version);
  }
}
