// The verb watch over HTTP.
import { ApiError } from '../../apis/index.ts';
import { seesOnlyMetadata } from '../auth/authorise.ts';
import { StaleDefinition } from '../registry/fence.ts';
import { parseVersion, untilReached } from '../registry/freshness.ts';
import { freshnessOf } from '../registry/list.ts';
import type { IncludeObject } from '../view/table.ts';
import type { Interest } from '../watch/groups.ts';
import { type Beginning, scopeOf, serveWatcher } from '../watch/serve.ts';
import { Watcher } from '../watch/watcher.ts';
import type { Call } from './call.ts';
import { type Form, negotiateAnswer } from './negotiate.ts';
import { selection, type WatchQuery, watchQuery } from './reading-options.ts';
import { includeOf, visibleTo } from './shown.ts';
import { eventForm } from './watch-form.ts';
import { sinkOf, streamWatch } from './watch-stream.ts';
import type { OpenWatch } from './watches.ts';

/**
 * Begins a watch and returns; it goes on without this. Errors: BadRequest, Invalid, NotAcceptable, Timeout, TooManyRequests;
 * later ones go into the stream.
 */
export async function serveWatch(call: Call): Promise<void> {
  const { about, query } = call;
  const { form, encoding } = negotiateAnswer(call.request.headers.accept);
  if (encoding !== 'json')
    throw new ApiError('NotAcceptable', 'only the following media types are accepted: application/json');
  const options = watchQuery(query);
  const chosen = selection(query, about.info);
  const include = form === 'table' ? includeOf(query) : 'None';
  const open = call.watches.open(about.namespace, about.info.definition?.uid);
  try {
    refuseStale(call);
    const beginning = await beginningOf(call, options);
    const scope = await scopeOf(call.deps.registry, about, freshnessOf(options.resourceVersion), beginning);
    const text = `${query.get('labelSelector') ?? ''}\n${query.get('fieldSelector') ?? ''}`;
    begin(call, { interest: { scope, selection: chosen, text }, form, include, options, beginning, open });
  } catch (error) {
    open.close();
    throw error;
  }
}

interface Beginnings {
  readonly interest: Interest;
  readonly form: Form;
  readonly include: IncludeObject;
  readonly options: WatchQuery;
  readonly beginning: Beginning;
  readonly open: OpenWatch;
}

function begin(call: Call, { interest, form, include, options, beginning, open }: Beginnings): void {
  const { deps, response, user } = call;
  const { registry } = deps;
  const { clock, limits, random } = registry;
  const { info } = call.about;
  const watcher = new Watcher({
    interest,
    form: eventForm(registry.store, clock, {
      info,
      form,
      include,
      // The call itself is not held as long as its watch.
      visible: visibleTo(user, info),
      sight: seesOnlyMetadata({ user, info }) ? 'metadata' : '',
    }),
    sink: sinkOf(response),
    bookmarks: options.bookmarks,
    clock,
    bufferBytesMax: limits.watchBufferBytesMax,
    stallMsMax: limits.watchStallMsMax,
    bookmarkIntervalMs: limits.bookmarkIntervalMs,
  });
  const timeoutMs = options.timeoutMs ?? limits.watchTimeoutMsMin * (1 + random.next());
  streamWatch(response, watcher, open, { timeoutMs, clock, log: deps.log }, (onEnd) =>
    serveWatcher(deps, info, watcher, beginning, open.abort.signal, onEnd),
  );
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
