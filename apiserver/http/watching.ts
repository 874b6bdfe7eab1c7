// The verb watch over HTTP.
import { ApiError } from '../../apis/index.ts';
import { seesOnlyMetadata } from '../auth/authorise.ts';
import { StaleDefinition } from '../registry/fence.ts';
import { parseVersion, untilReached } from '../registry/freshness.ts';
import { freshnessOf } from '../registry/list.ts';
import { type Beginning, scopeOf, serveWatcher } from '../watch/serve.ts';
import { Watcher } from '../watch/watcher.ts';
import type { Call } from './call.ts';
import { negotiateAnswer } from './negotiate.ts';
import { selection, type WatchQuery, watchQuery } from './reading-options.ts';
import { includeOf, visible } from './shown.ts';
import { eventForm } from './watch-form.ts';
import { sinkOf, streamWatch } from './watch-stream.ts';

/** Answers a watch. Errors: BadRequest, Invalid, NotAcceptable, Timeout, TooManyRequests; later ones go into the stream. */
export async function serveWatch(call: Call): Promise<void> {
  const { about, deps, query, response } = call;
  const { registry, hubs } = deps;
  const { clock, limits, random } = registry;
  const { form, encoding } = negotiateAnswer(call.request.headers.accept);
  if (encoding !== 'json')
    throw new ApiError('NotAcceptable', 'only the following media types are accepted: application/json');
  const options = watchQuery(query);
  const chosen = selection(query, about.info);
  const include = form === 'table' ? includeOf(query) : 'None';
  const { definition } = about.info;
  const run = async (abort: AbortController): Promise<void> => {
    refuseStale(call);
    const beginning = await beginningOf(call, options);
    const scope = await scopeOf(registry, about, freshnessOf(options.resourceVersion), beginning);
    const watcher = new Watcher({
      interest: {
        scope,
        selection: chosen,
        text: `${query.get('labelSelector') ?? ''}\n${query.get('fieldSelector') ?? ''}`,
      },
      form: eventForm(registry.store, clock, {
        info: about.info,
        form,
        include,
        visible: (object) => visible(call, object),
        sight: seesOnlyMetadata({ user: call.user, info: about.info }) ? 'metadata' : '',
      }),
      sink: sinkOf(response),
      bookmarks: options.bookmarks,
      clock,
      bufferBytesMax: limits.watchBufferBytesMax,
      stallMsMax: limits.watchStallMsMax,
      bookmarkIntervalMs: limits.bookmarkIntervalMs,
    });
    const timeoutMs = options.timeoutMs ?? limits.watchTimeoutMsMin * (1 + random.next());
    await streamWatch(response, watcher, abort, { timeoutMs, clock, log: deps.log }, () =>
      serveWatcher(registry, hubs, about.info, watcher, beginning, abort.signal),
    );
  };
  await call.watches.run(about.namespace, run, definition?.uid);
}

// From here on a change of the definition ends the watch; one that came before must not be missed.
function refuseStale({ about: { info }, deps }: Call): void {
  const now = deps.kinds.table.kindOf(info.group, info.version, info.plural);
  if (info.definition !== undefined && now !== info) throw new StaleDefinition(`${info.plural} is defined otherwise`);
}

// https://kubernetes.io/docs/reference/using-api/api-concepts/#semantics-for-watch
async function beginningOf(call: Call, { resourceVersion, sendInitialEvents }: WatchQuery): Promise<Beginning> {
  const { registry } = call.deps;
  const version = resourceVersion === '' ? 0 : parseVersion(resourceVersion);
  if (sendInitialEvents ?? version === 0) {
    if (version > 0) await untilReached(registry, version);
    const freshness = version > 0 ? { serializable: true } : freshnessOf(resourceVersion);
    return { kind: 'all', freshness, marksEnd: sendInitialEvents === true };
  }
  if (version > 0) return { kind: 'after', revision: version };
  // From now on, without what is there.
  return { kind: 'after', revision: await registry.store.revision(freshnessOf(resourceVersion)) };
}
