// Following objects without a gap: a watch from the start, again after the server ended it.
import { ApiError, type ApiObject, isApiError, type Kind } from '../apis/index.ts';
import { sleep } from '../base/index.ts';
import type { Api } from './api.ts';
import type { Terminal } from './terminal.ts';

/** One step of what is followed. */
export interface Change<T> {
  /** `synced`: what was there at first has all been told. */
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'synced';
  readonly object?: T;
}

const retryMs = 500;
const retriesMax = 20;

/** Every state of the objects in scope, for ever: break out of it, or abort. Repeats what is there after an interruption. */
export async function* follow<T extends ApiObject>(
  api: Api,
  kind: Kind<T>,
  scope: { readonly labelSelector?: string; readonly fieldSelector?: string },
  terminal: Pick<Terminal, 'signal' | 'clock'>,
  signal: AbortSignal = terminal.signal,
): AsyncIterable<Change<T>> {
  const known = new Map<string, T>();
  let failures = 0;
  for (;;) {
    signal.throwIfAborted();
    const seen = new Set<string>();
    try {
      const options = { ...scope, ...(kind.scope === 'Cluster' ? {} : { namespace: api.namespace }), signal };
      for await (const event of api.client.watch(kind, options)) {
        failures = 0;
        if (event.type === 'BOOKMARK') {
          if (!event.initialEventsEnd) continue;
          // What went while nobody watched.
          for (const [key, object] of known)
            if (!seen.has(key)) {
              known.delete(key);
              yield { type: 'DELETED', object };
            }
          yield { type: 'synced' };
          continue;
        }
        const key = `${event.object.metadata.namespace ?? ''}/${event.object.metadata.name ?? ''}`;
        seen.add(key);
        if (event.type === 'DELETED') known.delete(key);
        else known.set(key, event.object);
        yield event;
      }
    } catch (error) {
      signal.throwIfAborted();
      if (!isApiError(error, 'Expired', 'Gone', 'ServiceUnavailable', 'Timeout', 'TooManyRequests')) throw error;
      if (++failures > retriesMax) throw error;
    }
    signal.throwIfAborted();
    await sleep(terminal.clock, retryMs, signal);
  }
}

/** A signal that aborts with the parent or after a time; `isTimeout` tells which it was. Dispose it. */
export function deadline(
  terminal: Pick<Terminal, 'signal' | 'clock'>,
  timeoutMs: number | undefined,
): { readonly signal: AbortSignal; isTimeout(): boolean } & Disposable {
  const aborter = new AbortController();
  let late = false;
  const timer =
    timeoutMs === undefined
      ? undefined
      : terminal.clock.after(timeoutMs, () => {
          late = true;
          aborter.abort(new ApiError('Timeout', 'the time is up'));
        });
  const onAbort = (): void => aborter.abort(terminal.signal.reason);
  if (terminal.signal.aborted) onAbort();
  terminal.signal.addEventListener('abort', onAbort, { once: true });
  return {
    signal: aborter.signal,
    isTimeout: () => late,
    [Symbol.dispose]() {
      timer?.cancel();
      terminal.signal.removeEventListener('abort', onAbort);
    },
  };
}
