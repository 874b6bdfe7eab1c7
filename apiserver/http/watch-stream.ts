// A watch as lines of JSON on a response that stays open.
import type { ServerResponse } from 'node:http';
import type { KindInfo, Unstructured } from '../../apis/index.ts';
import { isApiError } from '../../apis/index.ts';
import type { Revision } from '../../barn/index.ts';
import type { Clock, Log, Timer } from '../../base/index.ts';
import type { ApiLimits } from '../limits.ts';
import type { Change } from '../registry/watch.ts';
import { refusalOf } from './respond.ts';

/** How the events of one watch are written. */
export interface StreamOptions {
  readonly info: KindInfo;
  readonly bookmarks: boolean;
  /** Whether the client asked for the bookmark that ends the initial events. */
  readonly marksInitialEnd: boolean;
  readonly timeoutMs: number;
  readonly limits: ApiLimits;
  readonly clock: Clock;
  readonly log: Log;
  /** An event's object in the form that the client takes; `isFirst` for the first of the stream. */
  readonly form: (change: Exclude<Change, { type: 'PROGRESS' | 'SYNCED' }>, isFirst: boolean) => unknown;
  /** A bookmark's object in that form. */
  readonly bookmark: (object: Unstructured) => unknown;
}

/** A bookmark is repeated after so many intervals without a change. */
const quietTicksMax = 3;
const initialEventsEnd = 'k8s.io/initial-events-end';

/**
 * Sends changes until they end, the time is over, `abort` is called from outside or the client goes. Waits for a slow
 * socket; one that takes nothing for `watchStallMsMax` is closed.
 */
export async function streamWatch(
  response: ServerResponse,
  changes: AsyncGenerator<Change>,
  abort: AbortController,
  options: StreamOptions,
): Promise<void> {
  const { clock, limits } = options;
  const stream = new Stream(response, clock, limits.watchStallMsMax);
  let told: Revision = 0;
  let marked: Revision = 0;
  let isFirst = true;
  let isSynced = !options.marksInitialEnd;
  let quietTicks = 0;
  const mark = (): void => {
    if (!options.bookmarks || !isSynced || told === 0) return;
    // Said again when nothing moves: a client tells a quiet server from one that hangs by it.
    if (told === marked && ++quietTicks < quietTicksMax) return;
    quietTicks = 0;
    marked = told;
    void stream.send({ type: 'BOOKMARK', object: options.bookmark(bookmarkOf(options.info, told, false)) });
  };
  let bookmarks: Timer = clock.after(limits.bookmarkIntervalMs, tick, { unref: true });
  function tick(): void {
    mark();
    bookmarks = clock.after(limits.bookmarkIntervalMs, tick, { unref: true });
  }
  const end = clock.after(
    options.timeoutMs,
    () => {
      mark();
      abort.abort();
    },
    { unref: true },
  );
  response.on('close', () => abort.abort());
  response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-cache, private' });
  response.flushHeaders();
  try {
    for await (const change of changes) {
      if (abort.signal.aborted) break;
      switch (change.type) {
        case 'PROGRESS':
          told = change.revision;
          break;
        case 'SYNCED':
          told = change.revision;
          if (options.marksInitialEnd) {
            isSynced = true;
            marked = told;
            const object = options.bookmark(bookmarkOf(options.info, told, true));
            if (options.bookmarks) await stream.send({ type: 'BOOKMARK', object });
          }
          break;
        default:
          await stream.send({ type: change.type, object: options.form(change, isFirst) });
          isFirst = false;
        // Inside a revision nothing is promised yet, so `told` waits for PROGRESS.
      }
    }
  } catch (error) {
    if (!abort.signal.aborted) await stream.send({ type: 'ERROR', object: refusalOf(error, options.log).toStatus() });
    else if (!isApiError(error)) options.log.debug('watch ended', { error: String(error) });
  } finally {
    bookmarks.cancel();
    end.cancel();
    response.end();
  }
}

/** Lines on a socket, one at a time; a client that takes none is dropped. */
class Stream {
  readonly #response: ServerResponse;
  readonly #clock: Clock;
  readonly #stallMsMax: number;

  constructor(response: ServerResponse, clock: Clock, stallMsMax: number) {
    this.#response = response;
    this.#clock = clock;
    this.#stallMsMax = stallMsMax;
  }

  async send(event: unknown): Promise<void> {
    if (this.#response.destroyed || this.#response.writableEnded) return;
    if (this.#response.write(`${JSON.stringify(event)}\n`)) return;
    await new Promise<void>((resolve) => {
      const stall = this.#clock.after(this.#stallMsMax, () => this.#response.destroy(), { unref: true });
      const done = (): void => {
        stall.cancel();
        this.#response.off('drain', done);
        this.#response.off('close', done);
        resolve();
      };
      this.#response.on('drain', done);
      this.#response.on('close', done);
    });
  }
}

function bookmarkOf(info: KindInfo, revision: Revision, isInitialEnd: boolean): Unstructured {
  return {
    kind: info.kind,
    apiVersion: info.group === '' ? info.version : `${info.group}/${info.version}`,
    metadata: {
      resourceVersion: String(revision),
      ...(isInitialEnd ? { annotations: { [initialEventsEnd]: 'true' } } : {}),
    },
  };
}
