import type { KindInfo } from '../../apis/index.ts';
import type { Revision } from '../../barn/index.ts';
import { kindPrefix, storedKind } from '../storage/keys.ts';
import { type HubDeps, KindHub } from './hub.ts';
import type { Watcher } from './watcher.ts';

/** A hub that nobody watched for so long follows the store no more. */
const idleMs = 60_000;

/** The hubs of all kinds that are watched, by where their objects lie. */
export class WatchHubs {
  readonly #deps: HubDeps;
  readonly #hubs = new Map<string, KindHub>();
  #isClosed = false;

  constructor(deps: HubDeps) {
    this.#deps = deps;
  }

  /** As `KindHub.add`. */
  add(info: KindInfo, watcher: Watcher, after: Revision, signal: AbortSignal, onEnd: (error?: unknown) => void): void {
    const prefix = kindPrefix(info);
    const hub = this.#hubOf(prefix, info);
    hub.add(info, watcher, after, signal, (error) => {
      if (hub.isEmpty) this.#closeSoon(prefix, hub);
      onEnd(error);
    });
  }

  close(): void {
    this.#isClosed = true;
    for (const hub of this.#hubs.values()) hub.close();
    this.#hubs.clear();
  }

  #hubOf(prefix: string, info: KindInfo): KindHub {
    let hub = this.#hubs.get(prefix);
    if (hub === undefined || hub.isOver) {
      hub = new KindHub(this.#deps, storedKind(info));
      if (this.#isClosed) hub.close();
      else this.#hubs.set(prefix, hub);
    }
    return hub;
  }

  #closeSoon(prefix: string, hub: KindHub): void {
    const close = (): void => {
      if (!hub.isEmpty || this.#hubs.get(prefix) !== hub) return;
      this.#hubs.delete(prefix);
      hub.close();
    };
    if (hub.isOver) close();
    else this.#deps.clock.after(idleMs, close, { unref: true });
  }
}
