// Follows the stored definitions, so that every server serves what users have defined at any of them.
import { kindInfos, kinds } from '../../apis/index.ts';
import { BarnError, type KeyValue, prefixEnd } from '../../barn/index.ts';
import { backoffMs, type Clock, type Log, type Random, sleep } from '../../base/index.ts';
import { reviewInfos } from '../reviews/kinds.ts';
import { inTime } from '../storage/barn-health.ts';
import { kindPrefix } from '../storage/keys.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { absentInfos } from './absent-kinds.ts';
import { KindTable, type StoredDefinition } from './kind-table.ts';

/** What following needs. */
export interface LiveKindsDeps {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

const backoff = { baseMs: 50, capMs: 5_000 };
/** Who asks for a kind that is not here waits no longer for the store to say that there is none. */
const catchUpMsMax = 2_000;

const prefix = kindPrefix(kinds.customResourceDefinitions);

/** The table of kinds of one server, and what keeps it live. */
export class LiveKinds {
  readonly table = new KindTable([...kindInfos, ...reviewInfos, ...absentInfos]);
  readonly #deps: LiveKindsDeps;
  #catchingUp: Promise<void> | undefined;
  #isReady = false;

  constructor(deps: LiveKindsDeps) {
    this.#deps = deps;
  }

  /** Whether it was told once what there is. */
  get isReady(): boolean {
    return this.#isReady;
  }

  /** Follows until the signal aborts or the store ends. */
  async follow(signal: AbortSignal): Promise<void> {
    const { store, clock, random, log } = this.#deps;
    for (let failures = 0; !signal.aborted; failures++) {
      try {
        // What this server has is enough to begin with: the watch goes on from there.
        const revision = await this.#read(true);
        failures = 0;
        const batches = await store.watch(kinds.customResourceDefinitions, undefined, revision + 1, signal);
        for await (const batch of batches) {
          for (const { type, kv } of batch.events) {
            if (type === 'put') this.table.put(this.#stored(kv));
            else this.table.remove(kv.key, kv.modRevision);
          }
          this.table.reached(batch.revision);
        }
      } catch (error) {
        if (signal.aborted || (error instanceof BarnError && error.reason === 'Closed')) return;
        if (failures === 0) log.warn('definitions are not followed, will try again', { cause: String(error) });
      }
      await sleep(clock, backoffMs(failures, backoff, random), signal).catch(() => {});
    }
  }

  /**
   * Makes the table as new as the store is now, so that a kind that was made at another server is found at once. Resolves
   * without that when the store does not answer.
   */
  async catchUp(): Promise<void> {
    this.#catchingUp ??= this.#readChanged().then(
      () => undefined,
      () => undefined,
    );
    const reading = this.#catchingUp;
    // One who comes later may have been told of something that this read did not see.
    void Promise.resolve().then(() => {
      if (this.#catchingUp === reading) this.#catchingUp = undefined;
    });
    await inTime(reading, catchUpMsMax, this.#deps.clock);
  }

  // Their versions are few bytes; the definitions themselves may be many.
  async #readChanged(): Promise<void> {
    const { items, revision } = await this.#deps.store.barn.range(prefix, prefixEnd(prefix), { keysOnly: true });
    const known = new Map(this.table.definitions().map((one) => [one.key, one.revision]));
    const isSame = items.length === known.size && items.every((item) => known.get(item.key) === item.modRevision);
    if (isSame) this.table.reached(revision);
    else await this.#read(false);
  }

  async #read(serializable: boolean): Promise<number> {
    const found = await this.#deps.store.barn.range(prefix, prefixEnd(prefix), { serializable });
    this.table.replace(
      found.items.map((item) => this.#stored(item)),
      found.revision,
    );
    this.#isReady = true;
    return found.revision;
  }

  #stored(item: KeyValue): StoredDefinition {
    const { key, revision, object } = this.#deps.store.parse(item);
    return { key, revision, created: item.createRevision, object };
  }
}
