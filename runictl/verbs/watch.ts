import { isApiError, kinds, type Pipeline, type Run } from '../../apis/index.ts';
import { sleep } from '../../base/index.ts';
import { objectPath } from '../../client/index.ts';
import { type Api, linesOf, refIn } from '../api.ts';
import { CommandError, UsageError } from '../failure.ts';
import { follow } from '../follow.ts';
import { isOn, type Options, textOption } from '../options.ts';
import { objectName } from '../print/object.ts';
import { parseOne } from '../resource.ts';
import type { Session } from '../session.ts';
import { isRecord } from '../values.ts';
import { isOver } from './run-end.ts';
import { openView, type RunView } from './watch-view.ts';

/** `runictl watch RUN` or `--pipeline NAME`: follows a run to its end. Exit code 0 if it succeeded, 1 if not. */
export async function watch(session: Session, args: readonly string[], options: Options): Promise<number> {
  const pipeline = textOption(options, 'pipeline');
  if ((args.length === 0) === (pipeline === undefined))
    throw new UsageError('name a run, or a pipeline with --pipeline NAME, not both');
  const api = await session.connect();
  const isPlain = isOn(options, 'plain');
  if (pipeline !== undefined) return followRun(session, api, await newestRun(session, api, pipeline), { isPlain });
  const { kind, name } = parseOne(args, 'runs');
  if (kind.kind === 'Pipeline') return followRun(session, api, await newestRun(session, api, name), { isPlain });
  if (kind.kind !== 'Run')
    throw new UsageError(`watch follows runs, not ${kind.plural}; see "runictl get ${kind.plural} -w"`);
  return followRun(session, api, name, { isPlain });
}

/** The run of the pipeline's newest generation, waited for. Errors: CommandError when it cannot be resolved. */
async function newestRun(session: Session, api: Api, name: string): Promise<string> {
  const scope = { fieldSelector: `metadata.name=${name}` };
  let isThere = false;
  for await (const { type, object } of follow<Pipeline>(api, kinds.pipelines, scope, session.terminal)) {
    if (type === 'DELETED' || (type === 'synced' && !isThere))
      throw new CommandError(`pipelines.runink.io "${name}" not found in ${api.namespace}`);
    if (object === undefined) continue;
    isThere = true;
    const { generation = 0 } = object.metadata;
    const ready = object.status?.conditions?.find((condition) => condition.type === 'Ready');
    if (ready?.status === 'False' && (ready.observedGeneration ?? 0) >= generation)
      throw new CommandError(
        `${objectName(kinds.pipelines, name)} cannot run: ${ready.message ?? ready.reason ?? 'not ready'}`,
      );
    const { lastRun, observedGeneration = 0 } = object.status ?? {};
    if (lastRun === undefined || observedGeneration < generation) continue;
    const run = await api.client.get<Run>(kinds.runs, refIn(kinds.runs, api.namespace, lastRun));
    if (object.spec.suspend === true || (run.spec.pipeline.generation ?? generation) >= generation) return lastRun;
  }
  throw new CommandError(`pipelines.runink.io "${name}" not found`);
}

/** Shows a run until it ends. */
export async function followRun(
  session: Session,
  api: Api,
  name: string,
  options: { readonly isPlain: boolean },
): Promise<number> {
  const { terminal } = session;
  const view = openView(terminal, name, options.isPlain);
  const ended = new AbortController();
  const signal = AbortSignal.any([terminal.signal, ended.signal]);
  const live = followProgress(session, api, name, view, signal);
  try {
    let isThere = false;
    for await (const { type, object } of follow<Run>(
      api,
      kinds.runs,
      { fieldSelector: `metadata.name=${name}` },
      terminal,
    )) {
      if (type === 'DELETED') throw new CommandError(`${objectName(kinds.runs, name)} was deleted`);
      if (type === 'synced' && !isThere)
        throw new CommandError(`runs.runink.io "${name}" not found in ${api.namespace}`);
      if (object === undefined) continue;
      isThere = true;
      view.show(object);
      if (!isOver(object)) continue;
      await view.end(object);
      return object.status?.phase === 'Succeeded' ? 0 : 1;
    }
    return 1;
  } finally {
    ended.abort();
    view.close();
    await live;
  }
}

const retryMs = 1000;

/** Feeds counters to the view; a stream that is not to be had only makes the picture coarser. */
async function followProgress(
  { terminal }: Session,
  api: Api,
  name: string,
  view: RunView,
  signal: AbortSignal,
): Promise<void> {
  const path = objectPath(kinds.runs, refIn(kinds.runs, api.namespace, name), 'progress');
  while (!signal.aborted)
    try {
      const stream = await api.get(path, { signal, isLong: true });
      for await (const line of linesOf(stream.chunks())) {
        const value: unknown = line === '' ? undefined : JSON.parse(line);
        if (isRecord(value) && typeof value['step'] === 'string' && isRecord(value['counters']))
          view.count(value['step'], Number(value['attempt'] ?? 1), value['counters']);
      }
      await sleep(terminal.clock, retryMs, signal);
    } catch (error) {
      if (signal.aborted || isApiError(error, 'NotFound', 'Forbidden', 'MethodNotAllowed')) return;
      await sleep(terminal.clock, retryMs, signal).catch(() => undefined);
    }
}
