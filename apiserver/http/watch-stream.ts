// A watch as lines of JSON on a response that stays open.
import type { ServerResponse } from 'node:http';
import { isApiError } from '../../apis/index.ts';
import type { Clock, Log } from '../../base/index.ts';
import type { Sink, Watcher } from '../watch/watcher.ts';
import { refusalOf } from './respond.ts';

/** How long a watch runs, and what it works with. */
export interface StreamOptions {
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly log: Log;
}

/** A response as a watcher's sink; nothing is written once it is gone. */
export function sinkOf(response: ServerResponse): Sink {
  return {
    write: (bytes) => response.destroyed || response.writableEnded || response.write(bytes),
    destroy: () => response.destroy(),
  };
}

/** Answers with what `serve` tells the watcher, until that ends, the time is over, `abort` is called or the client goes. */
export async function streamWatch(
  response: ServerResponse,
  watcher: Watcher,
  abort: AbortController,
  { timeoutMs, clock, log }: StreamOptions,
  serve: () => Promise<void>,
): Promise<void> {
  const end = clock.after(timeoutMs, () => abort.abort(), { unref: true });
  response.on('close', () => abort.abort());
  response.on('drain', () => watcher.drained());
  response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-cache, private' });
  response.flushHeaders();
  try {
    await serve();
  } catch (error) {
    if (!abort.signal.aborted) {
      const object = refusalOf(error, log).toStatus();
      response.write(`${JSON.stringify({ type: 'ERROR', object })}\n`);
    } else if (!isApiError(error)) log.debug('watch ended', { error: String(error) });
  } finally {
    end.cancel();
    response.end();
  }
}
