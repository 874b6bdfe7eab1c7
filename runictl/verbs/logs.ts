import { kinds, type Pipeline, type Run } from '../../apis/index.ts';
import { objectPath } from '../../client/index.ts';
import { type Api, linesOf, refIn } from '../api.ts';
import { CommandError, errorText, UsageError } from '../failure.ts';
import { durationOption, isOn, listOption, numberOption, type Options, textOption } from '../options.ts';
import { escapeControls } from '../print/escape.ts';
import { parseOne } from '../resource.ts';
import type { Session } from '../session.ts';

interface Wanted {
  readonly step: string;
  readonly attempt?: number;
}

/** `runictl logs RUN`: what the steps wrote to stdout and stderr; a prefix tells them apart when there are several. */
export async function logs(session: Session, args: readonly string[], options: Options): Promise<number> {
  const api = await session.connect();
  const run = await findRun(api, args, options);
  const wanted = wantedOf(run, options);
  const query = queryOf(options);
  const hasPrefix = isOn(options, 'prefix') || wanted.length > 1;
  const print = async (one: Wanted): Promise<boolean> => {
    try {
      await printLog(session, api, run, one, query, hasPrefix);
      return true;
    } catch (error) {
      if (session.terminal.signal.aborted) return true;
      session.terminal.err(`${errorText(error)} (step ${one.step})\n`);
      return false;
    }
  };
  if (isOn(options, 'follow')) return (await Promise.all(wanted.map(print))).every(Boolean) ? 0 : 1;
  let isGood = true;
  for (const one of wanted) isGood = (await print(one)) && isGood;
  return isGood ? 0 : 1;
}

async function findRun(api: Api, args: readonly string[], options: Options): Promise<Run> {
  const pipeline = textOption(options, 'pipeline');
  if ((args.length === 0) === (pipeline === undefined))
    throw new UsageError('name a run, or a pipeline with --pipeline NAME, not both');
  if (pipeline !== undefined) {
    const object = await api.client.get<Pipeline>(kinds.pipelines, refIn(kinds.pipelines, api.namespace, pipeline));
    const last = object.status?.lastRun;
    if (last === undefined)
      throw new CommandError(`pipeline "${pipeline}" has not run yet; "runictl run ${pipeline}" starts it`);
    return api.client.get<Run>(kinds.runs, { namespace: api.namespace, name: last });
  }
  const { kind, name } = parseOne(args, 'runs');
  if (kind.kind !== 'Run') throw new UsageError(`logs are of runs, not of ${kind.plural}; see --pipeline`);
  return api.client.get<Run>(kinds.runs, { namespace: api.namespace, name });
}

function wantedOf(run: Run, options: Options): Wanted[] {
  const steps = run.spec.plan.steps.map(({ name }) => name);
  const named = listOption(options, 'step');
  const name = run.metadata.name ?? '';
  for (const step of named)
    if (!steps.includes(step))
      throw new CommandError(`run "${name}" has no step "${step}"; it has ${steps.join(', ')}`);
  const attempt = numberOption(options, 'attempt');
  return (named.length > 0 ? named : steps).flatMap((step): Wanted[] => {
    if (attempt !== undefined) return [{ step, attempt }];
    const newest = run.status?.steps?.find((status) => status.name === step)?.attempt;
    // A step that never started has nothing to say, unless it was asked for by name.
    if (newest === undefined && named.length === 0 && !isOn(options, 'follow')) return [];
    return isOn(options, 'all') && newest !== undefined
      ? Array.from({ length: newest }, (_, index) => ({ step, attempt: index + 1 }))
      : [{ step }];
  });
}

function queryOf(options: Options): Record<string, string | undefined> {
  const sinceMs = durationOption(options, 'since');
  return {
    follow: isOn(options, 'follow') ? 'true' : undefined,
    tailLines: numberOption(options, 'tail')?.toString(),
    sinceSeconds: sinceMs === undefined ? undefined : String(Math.ceil(sinceMs / 1000)),
  };
}

async function printLog(
  { terminal }: Session,
  api: Api,
  run: Run,
  { step, attempt }: Wanted,
  query: Record<string, string | undefined>,
  hasPrefix: boolean,
): Promise<void> {
  const path = objectPath(kinds.runs, { namespace: api.namespace, name: run.metadata.name ?? '' }, 'log');
  const answer = await api.get(path, {
    query: { ...query, step, attempt: attempt?.toString() },
    accept: 'text/plain, application/json',
    signal: terminal.signal,
    isLong: true,
  });
  // A pipe gets the bytes as they are; a terminal must not obey them.
  if (!hasPrefix && !terminal.isInteractive) {
    for await (const chunk of answer.chunks()) await terminal.out(chunk);
    return;
  }
  const prefix = hasPrefix ? `[${step}${attempt === undefined ? '' : `/${attempt}`}] ` : '';
  for await (const line of linesOf(answer.chunks()))
    await terminal.out(`${prefix}${terminal.isInteractive ? escapeControls(line) : line}\n`);
}
