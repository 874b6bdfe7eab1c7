// A watch as lines of JSON on a response that stays open.
import type { ServerResponse } from 'node:http';
import type { Clock, Log } from '../../base/index.ts';
import type { Sink, Watcher } from '../watch/watcher.ts';
import { refusalOf } from './respond.ts';
import type { OpenWatch } from './watches.ts';

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

/**
 * Answers with what `serve` tells the watcher, until that ends, the time is over, the watch is ended or the client goes. Returns
 * when it has begun: what waits for thousands of watches costs memory for each.
 */
export function streamWatch(
  response: ServerResponse,
  watcher: Watcher,
  { abort, close }: OpenWatch,
  { timeoutMs, clock, log }: StreamOptions,
  serve: (onEnd: (error?: unknown) => void) => void,
): void {
  const timer = clock.after(timeoutMs, () => abort.abort(), { unref: true });
  response.on('close', () => abort.abort());
  // Who went before is told by no event any more.
  if (response.destroyed) abort.abort();
  response.on('drain', () => watcher.drained());
  response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-cache, private' });
  response.flushHeaders();
  serve((error) => {
    close();
    timer.cancel();
    if (error !== undefined && !abort.signal.aborted) {
      const object = refusalOf(error, log).toStatus();
      response.write(`${JSON.stringify({ type: 'ERROR', object })}\n`);
    }
    response.end();
  });
}
