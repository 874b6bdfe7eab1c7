// The watches of one kind: fed by one watch of the store, so that a change is read, decided upon and encoded once, however
// many follow. Who begins in the past is told it first, from the store, and joins without gap or double.
import { ApiError, type KindInfo } from '../../apis/index.ts';
import { BarnError, type BarnEvent, type Revision } from '../../barn/index.ts';
import type { Clock, Log, Timer } from '../../base/index.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { EventForm } from './form.ts';
import { type ChangeType, changeTypeOf, Groups, type Written } from './groups.ts';
import { Pump } from './pump.ts';
import type { Watcher } from './watcher.ts';

/** What a hub works with. */
export interface HubDeps {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly bookmarkIntervalMs: number;
  /** Gives others their turn; the loop's own if absent. */
  readonly nextTurn?: (work: () => void) => void;
}

/** A watcher and the kind under whose name it looks. */
interface Member {
  readonly info: KindInfo;
  readonly watcher: Watcher;
  /** Called once, when it is over. */
  readonly end: (error?: unknown) => void;
}

/** Bookmarks fall due at so many points of their interval, so that not all are written at once. */
const ticksPerInterval = 10;

/** All watches over the keys of one stored kind, also under other names (a projection). */
export class KindHub {
  readonly #deps: HubDeps;
  readonly #info: KindInfo;
  readonly #abort = new AbortController();
  readonly #groups = new Map<KindInfo, Groups<Member>>();
  readonly #members = new Set<Member>();
  readonly #pump: Pump;
  readonly #ready: Promise<void>;
  #position: Revision | undefined;
  #over: Error | undefined;
  #ticking: Timer | undefined;

  constructor(deps: HubDeps, info: KindInfo) {
    this.#deps = deps;
    this.#info = info;
    this.#pump = new Pump(deps.nextTurn ?? ((work) => void setImmediate(work)));
    let ready: () => void = () => {};
    this.#ready = new Promise((resolve) => (ready = resolve));
    void this.#follow(ready);
  }

  /** Whether nobody watches. */
  get isEmpty(): boolean {
    return this.#members.size === 0;
  }

  get isOver(): boolean {
    return this.#over !== undefined;
  }

  close(): void {
    this.#finish(new ApiError('ServiceUnavailable', 'the server is stopping', { retryAfterSeconds: 1 }));
  }

  /**
   * Tells `watcher` every change after `after`, in order, until `signal` aborts; then calls `onEnd`, or with an error: ApiError
   * Expired when that is forgotten, ServiceUnavailable, TooManyRequests. Nothing waits meanwhile: that costs memory for each.
   */
  add(info: KindInfo, watcher: Watcher, after: Revision, signal: AbortSignal, onEnd: (error?: unknown) => void): void {
    let isOver = false;
    const end = (error?: unknown): void => {
      if (isOver) return;
      isOver = true;
      signal.removeEventListener('abort', onAbort);
      if (error === undefined && this.#position !== undefined && !watcher.isOver && watcher.markLast(this.#position))
        watcher.flush();
      this.#leave(member);
      watcher.stop();
      onEnd(error);
    };
    const onAbort = (): void => end();
    const member: Member = { info, watcher, end };
    if (signal.aborted) return end();
    signal.addEventListener('abort', onAbort, { once: true });
    this.#join(member, after, signal).catch(end);
  }

  async #join(member: Member, after: Revision, signal: AbortSignal): Promise<void> {
    await this.#ready;
    const { watcher } = member;
    let told = after;
    for (;;) {
      const position = this.#reached();
      if (signal.aborted) return;
      watcher.told = Math.max(told, position);
      this.#add(member);
      if (told < position) await this.#tellPast(member, told, position, signal);
      if (signal.aborted) return;
      if (watcher.release()) return this.#pump.add(watcher);
      this.#remove(member);
      told = position;
    }
  }

  /** Where the hub is. Errors: why it ended. */
  #reached(): Revision {
    if (this.#over !== undefined) throw this.#over;
    return this.#position ?? 0;
  }

  /** What was written after `after`, up to `until`. */
  async #tellPast({ info, watcher }: Member, after: Revision, until: Revision, signal: AbortSignal): Promise<void> {
    const { store } = this.#deps;
    const { interest } = watcher;
    const herdUid = interest.scope.kind === 'herd' ? interest.scope.uid : undefined;
    try {
      for await (const batch of await store.watch(info, herdUid, after + 1, signal)) {
        for (const event of batch.revision > until ? [] : batch.events) {
          const written = store.changeOf(event);
          const type = changeTypeOf(info, interest, written);
          if (type !== undefined) await watcher.tell(type, ...shownOf(type, written), event.kv.modRevision);
          if (signal.aborted) return;
        }
        if (batch.revision >= until) return;
      }
    } catch (error) {
      throw watchError(error, after);
    }
  }

  #add(member: Member): void {
    const { info, watcher } = member;
    let groups = this.#groups.get(info);
    if (groups === undefined) {
      groups = new Groups(info);
      this.#groups.set(info, groups);
    }
    groups.add(watcher.interest, watcher.form.name, member);
    this.#members.add(member);
    this.#ticking ??= this.#tickSoon();
  }

  #remove(member: Member): void {
    const { info, watcher } = member;
    this.#groups.get(info)?.delete(watcher.interest, watcher.form.name, member);
  }

  #leave(member: Member): void {
    this.#remove(member);
    this.#members.delete(member);
  }

  /** Follows the store; what was missed since the reader was too slow is read again from the history. */
  async #follow(ready: () => void): Promise<void> {
    const { store, log } = this.#deps;
    for (;;) {
      const from = this.#position === undefined ? 0 : this.#position + 1;
      try {
        for await (const batch of await store.watch(this.#info, undefined, from, this.#abort.signal)) {
          for (const event of batch.events) this.#deliver(event);
          this.#position = batch.revision;
          ready();
        }
        return;
      } catch (error) {
        if (this.#abort.signal.aborted) return;
        if (error instanceof BarnError && error.reason === 'Overrun' && this.#position !== undefined) {
          log.warn('watches fell behind and read the history', { kind: this.#info.kind, revision: this.#position });
          continue;
        }
        this.#finish(watchError(error, from));
        ready();
        return;
      }
    }
  }

  #deliver(event: BarnEvent): void {
    const written = this.#deps.store.changeOf(event);
    const revision = event.kv.modRevision;
    for (const groups of this.#groups.values()) {
      if (groups.isEmpty) continue;
      // One encoding for all who take the same form of the same change.
      const lines = new Map<string, Buffer>();
      const lineOf = (type: ChangeType, form: EventForm, isFirst: boolean): Buffer => {
        const name = `${type} ${isFirst} ${form.name}`;
        let line = lines.get(name);
        if (line === undefined) {
          line = form.event(type, ...shownOf(type, written), revision, isFirst);
          lines.set(name, line);
        }
        return line;
      };
      groups.forEach(written, (group, type) => {
        for (const members of group.members.values())
          for (const { watcher } of members)
            if (watcher.push(lineOf(type, watcher.form, watcher.wantsFirst), revision)) this.#pump.add(watcher);
      });
    }
  }

  #tickSoon(): Timer {
    const { clock, bookmarkIntervalMs } = this.#deps;
    return clock.after(bookmarkIntervalMs / ticksPerInterval, () => this.#tick(), { unref: true });
  }

  #tick(): void {
    this.#ticking = this.#members.size === 0 ? undefined : this.#tickSoon();
    if (this.#position === undefined) return;
    const nowMs = this.#deps.clock.monotonicMs();
    for (const { watcher } of this.#members)
      if (watcher.bookmarks && watcher.markAt(this.#position, nowMs)) this.#pump.add(watcher);
  }

  #finish(error: unknown): void {
    this.#over ??= error instanceof Error ? error : new Error(String(error));
    this.#abort.abort();
    this.#ticking?.cancel();
    for (const member of this.#members) member.end(error);
  }
}

/** What is shown of a change: of a deletion, and of leaving a selection, what was there before, as in Kubernetes. */
function shownOf(type: ChangeType, { now, before }: Written): [NonNullable<Written['now']>] {
  const stored = type === 'DELETED' ? before : now;
  if (stored === undefined) throw new Error(`a change of type ${type} has no object`);
  return [stored];
}

/** Why a watch ends, as its client is told. */
export function watchError(error: unknown, after: Revision): unknown {
  if (!(error instanceof BarnError)) return error;
  switch (error.reason) {
    case 'Compacted':
      return new ApiError('Expired', `too old resource version: ${after} (${error.compactRevision})`, undefined, {
        cause: error,
      });
    case 'Overloaded':
      return new ApiError('TooManyRequests', 'too many watches at a time; try again later', { retryAfterSeconds: 1 });
    case 'Overrun':
      return new ApiError('Expired', 'the watcher is too slow: more waited for it than the server keeps', undefined, {
        cause: error,
      });
    default:
      return new ApiError('ServiceUnavailable', `the watch ended: ${error.message}`, undefined, { cause: error });
  }
}
