import { kinds, type Pipeline, type Run } from '../../apis/index.ts';
import { type Api, refIn } from '../api.ts';
import { CommandError, UsageError } from '../failure.ts';
import { deadline, follow } from '../follow.ts';
import { durationOption, isOn, listOption, type Options, textOption } from '../options.ts';
import { objectName } from '../print/object.ts';
import { parseOne } from '../resource.ts';
import type { Session } from '../session.ts';
import { waitForRunEnd } from './run-end.ts';
import { followRun } from './watch.ts';

/** Annotation on a Pipeline by which a run is asked for: the pipeline controller makes it and labels it with the id. */
export const runRequestedAnnotation = 'runink.io/run-requested';
export const requestLabel = 'runink.io/request';

/** `runictl run PIPELINE`: asks for a run, tells its name, and with --wait or --watch stays to its end. */
export async function runVerb(session: Session, args: readonly string[], options: Options): Promise<number> {
  const { terminal } = session;
  const { kind, name } = parseOne(args, 'pipelines');
  if (kind.kind !== 'Pipeline') throw new UsageError(`only pipelines can be run, not ${kind.plural}`);
  const form = textOption(options, 'output');
  if (form !== undefined && form !== 'name') throw new UsageError(`-o ${form}: run prints only name`);
  const parameters = parseParameters(listOption(options, 'param'));
  const api = await session.connect();
  const run = await requestRun(session, api, name, parameters, durationOption(options, 'timeout'));
  const runName = run.metadata.name ?? '';
  await terminal.out(`${objectName(kinds.runs, runName)}${form === 'name' ? '' : ' created'}\n`);
  if (isOn(options, 'watch')) return followRun(session, api, runName, { isPlain: false });
  if (!isOn(options, 'wait')) return 0;
  const ended = await waitForRunEnd(api, runName, terminal);
  const { phase, reason, message } = ended.status ?? {};
  if (phase === 'Succeeded') return 0;
  throw new CommandError(
    `${objectName(kinds.runs, runName)} ${(phase ?? 'ended').toLowerCase()}${reason === undefined ? '' : ` (${reason})`}: ${message ?? 'no message'}; "runictl describe run ${runName}" tells more`,
  );
}

function parseParameters(given: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    given.map((text) => {
      const equals = text.indexOf('=');
      if (equals <= 0) throw new UsageError(`--param: "${text}" is not KEY=VALUE`);
      return [text.slice(0, equals), text.slice(equals + 1)];
    }),
  );
}

async function requestRun(
  session: Session,
  api: Api,
  name: string,
  parameters: Readonly<Record<string, string>>,
  timeoutMs: number | undefined,
): Promise<Run> {
  const { terminal } = session;
  const id = requestId(terminal.random);
  const patched = await api.client.patch<Pipeline>(kinds.pipelines, refIn(kinds.pipelines, api.namespace, name), {
    type: 'merge',
    body: { metadata: { annotations: { [runRequestedAnnotation]: JSON.stringify({ id, parameters }) } } },
  });
  using limit = deadline(terminal, timeoutMs);
  const ended = new AbortController();
  const signal = AbortSignal.any([limit.signal, ended.signal]);
  try {
    return await Promise.race([madeRun(api, id, session, signal), refusal(api, patched, session, signal)]);
  } catch (error) {
    if (!limit.isTimeout()) throw error;
    throw new CommandError(
      `no run of ${objectName(kinds.pipelines, name)} was made in time. Do the controllers run? "runictl describe pipeline ${name}" tells what they said last`,
    );
  } finally {
    ended.abort();
  }
}

function requestId(random: { next(): number }): string {
  return Array.from({ length: 16 }, () => Math.floor(random.next() * 36).toString(36)).join('');
}

async function madeRun(api: Api, id: string, { terminal }: Session, signal: AbortSignal): Promise<Run> {
  for await (const { object } of follow<Run>(
    api,
    kinds.runs,
    { labelSelector: `${requestLabel}=${id}` },
    terminal,
    signal,
  ))
    if (object !== undefined) return object;
  throw new CommandError('the watch for the run ended');
}

/** Rejects as soon as the controller has said of this version of the pipeline that it cannot be resolved. */
async function refusal(api: Api, asked: Pipeline, { terminal }: Session, signal: AbortSignal): Promise<never> {
  const name = asked.metadata.name ?? '';
  const scope = { fieldSelector: `metadata.name=${name}` };
  for await (const { type, object } of follow<Pipeline>(api, kinds.pipelines, scope, terminal, signal)) {
    if (type === 'DELETED') throw new CommandError(`${objectName(kinds.pipelines, name)} was deleted`);
    const ready = object?.status?.conditions?.find((condition) => condition.type === 'Ready');
    const isJudged = (ready?.observedGeneration ?? 0) >= (asked.metadata.generation ?? 0);
    if (ready?.status === 'False' && isJudged)
      throw new CommandError(
        `${objectName(kinds.pipelines, name)} cannot run: ${ready.message ?? ready.reason ?? 'not ready'}`,
      );
  }
  throw new CommandError('the watch for the pipeline ended');
}
