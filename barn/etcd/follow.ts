import { BarnError, type BarnEvent, type Revision } from '../barn.ts';
import { LogEntry } from '../state/event-log.ts';
import type { EtcdCalls } from './calls.ts';
import type { KeySpace } from './key-space.ts';
import { decodeWatchResponse, type EtcdEvent } from './watch-messages.ts';

/** What is followed, and from where. */
export interface FollowOptions {
  readonly calls: EtcdCalls;
  readonly space: KeySpace;
  readonly from: Revision;
  readonly signal: AbortSignal;
  /** The watch stands: what comes from now on will be told. */
  readonly onCreated?: () => void;
}

/**
 * Every revision of etcd from `from` on, without a gap, each whole; those of other people's keys are empty. It watches all
 * keys there are, since then every revision has an event: a watch that leaves something out (etcd 3.4 does so at the border
 * of a compaction) or a progress notification that runs ahead of events can neither fool it nor is needed.
 * Throws Compacted when what comes next is gone or left out, NoLeader when the stream broke; ends when the signal aborts.
 */
export async function* follow(options: FollowOptions): AsyncGenerator<readonly LogEntry[], void> {
  const { calls, space, signal } = options;
  const { stream, url } = await calls.watchAll(space.there(options.from));
  const cancel = (): void => stream.cancel();
  signal.addEventListener('abort', cancel, { once: true });
  if (signal.aborted) cancel();
  const gather = new Gather(space, options.from);
  let behindUntil: Revision = 0;
  try {
    for await (const bytes of stream) {
      const response = decodeWatchResponse(bytes);
      if (response.canceled) throw ended(response.compactRevision, response.cancelReason, space);
      if (response.created) {
        behindUntil = space.here(response.revision);
        options.onCreated?.();
        continue;
      }
      const next = gather.next;
      const entries = gather.take(response.events, response.fragment);
      // A compaction may have overtaken the reading of the history, and then what is read may lack something.
      if (next <= behindUntil) await assertThere(calls, space, next);
      if (entries.length > 0) yield entries;
    }
    throw new BarnError('NoLeader', `the watch at ${url} ended`);
  } catch (error) {
    if (signal.aborted) return;
    if (error instanceof BarnError && error.reason === 'Compacted') throw error;
    const why = error instanceof Error ? error.message : String(error);
    calls.turnFrom(url, why);
    throw new BarnError('NoLeader', `the watch at ${url} broke: ${why}`, { cause: error });
  } finally {
    signal.removeEventListener('abort', cancel);
    stream.cancel();
  }
}

/** Makes whole revisions of what the answers hold. */
class Gather {
  next: Revision;
  readonly #space: KeySpace;
  /** Events of one revision of which more may come. */
  #held: EtcdEvent[] = [];

  constructor(space: KeySpace, next: Revision) {
    this.#space = space;
    this.next = next;
  }

  /** `isPart`: the last revision may go on in the next answer. */
  take(events: readonly EtcdEvent[], isPart: boolean): readonly LogEntry[] {
    const entries: LogEntry[] = [];
    for (const event of events) {
      if (this.#held.length > 0 && this.#held[0]?.kv.modRevision !== event.kv.modRevision) this.#flush(entries);
      this.#held.push(event);
    }
    if (!isPart) this.#flush(entries);
    return entries;
  }

  #flush(entries: LogEntry[]): void {
    const events = this.#held;
    const [first] = events;
    if (first === undefined) return;
    this.#held = [];
    const revision = this.#space.here(first.kv.modRevision);
    if (revision < this.next) return;
    if (revision > this.next)
      throw new BarnError('Compacted', `etcd left revision ${this.next} out before ${revision}`, {
        compactRevision: revision,
      });
    this.next++;
    entries.push(
      new LogEntry(
        revision,
        events.flatMap((event) => (this.#space.has(event.kv.key) ? [ours(event, this.#space)] : [])),
      ),
    );
  }
}

function ours({ type, kv, prev }: EtcdEvent, space: KeySpace): BarnEvent {
  return { type, kv: space.kv(kv), ...(prev === undefined ? {} : { prev: space.kv(prev) }) };
}

function ended(compactRevision: number, reason: string, space: KeySpace): Error {
  if (compactRevision === 0) return new Error(`etcd cancelled the watch: ${reason}`);
  const here = space.compactionHere(compactRevision);
  return new BarnError('Compacted', `etcd compacted its history before ${here}`, { compactRevision: here });
}

/** Errors: Compacted when the events of `revision` may no longer be whole. */
async function assertThere(calls: EtcdCalls, space: KeySpace, revision: Revision): Promise<void> {
  const range = { key: space.nothing, revision: space.compactionThere(revision), countOnly: true };
  await calls.range(range, `look whether revision ${revision} is still there`);
}
