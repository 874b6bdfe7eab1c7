import { isApiError, type KindInfo, type Unstructured } from '../../apis/index.ts';
import { refOf } from '../../client/index.ts';
import { type Api, refIn } from '../api.ts';
import { CommandError, errorText, UsageError } from '../failure.ts';
import { deadline, follow } from '../follow.ts';
import { durationOption, isOn, type Options, textOption } from '../options.ts';
import { jsonpathValues, valueText } from '../print/jsonpath.ts';
import { objectName } from '../print/object.ts';
import { parseSelections } from '../resource.ts';
import type { Session } from '../session.ts';
import { isRecord, textOf } from '../values.ts';
import { waitForDeletion } from './delete.ts';
import { fetchObjects } from './listing.ts';

/** What to wait for. */
export type Goal =
  | { readonly kind: 'delete' }
  | { readonly kind: 'create' }
  | { readonly kind: 'condition'; readonly name: string; readonly status: string }
  | { readonly kind: 'jsonpath'; readonly path: string; readonly value: string | undefined };

/** Reads --for. Errors: UsageError. */
export function parseGoal(text: string): Goal {
  if (text === 'delete' || text === 'create') return { kind: text };
  const condition = /^condition=([^=]+?)(?:=(.*))?$/.exec(text);
  if (condition !== null) return { kind: 'condition', name: condition[1] ?? '', status: condition[2] ?? 'True' };
  const jsonpath = /^jsonpath=(\{.*\}|[^{=][^=]*)(?:=(.*))?$/s.exec(text);
  if (jsonpath !== null) return { kind: 'jsonpath', path: jsonpath[1] ?? '', value: jsonpath[2] };
  throw new UsageError(
    `unrecognized condition: "${text}"; write condition=Ready, jsonpath='{.status.phase}'=Succeeded, delete or create`,
  );
}

/** Whether the object is as the goal asks. A condition judged on an older generation does not count. */
export function isReached(goal: Goal, object: Unstructured): boolean {
  if (goal.kind === 'delete') return false;
  if (goal.kind === 'create') return true;
  if (goal.kind === 'jsonpath') {
    const values = jsonpathValues(goal.path, object).map(valueText);
    return goal.value === undefined
      ? values.some((value) => value !== '')
      : values.length === 1 && values[0] === goal.value;
  }
  const status = object['status'];
  const conditions =
    isRecord(status) && Array.isArray(status['conditions']) ? status['conditions'].filter(isRecord) : [];
  const found = conditions.find(({ type }) => textOf(type).toLowerCase() === goal.name.toLowerCase());
  if (found === undefined) return false;
  const observed = found['observedGeneration'] ?? (isRecord(status) ? status['observedGeneration'] : undefined);
  if (typeof observed === 'number' && observed < (object.metadata.generation ?? 0)) return false;
  return textOf(found['status']).toLowerCase() === goal.status.toLowerCase();
}

/** `runictl wait --for=…`: resolves when every object named is as told. Exit code 1 when the time is up. */
export async function wait(session: Session, args: readonly string[], options: Options): Promise<number> {
  const goal = parseGoal(textOption(options, 'for') ?? '');
  const api = await session.connect();
  const targets = await findTargets(api, args, options);
  if (targets.length === 0) {
    if (goal.kind === 'delete') return 0;
    session.terminal.err('error: no matching resources found\n');
    return 1;
  }
  const timeoutMs = durationOption(options, 'timeout');
  using limit = deadline(session.terminal, timeoutMs);
  const results = await Promise.all(
    targets.map(async ({ kind, name }): Promise<string | undefined> => {
      try {
        await reach(session, api, goal, kind, name, limit.signal);
        const met =
          goal.kind === 'condition' || goal.kind === 'jsonpath'
            ? 'condition met'
            : `${goal.kind}d`.replace('deleted', 'condition met').replace('created', 'condition met');
        await session.terminal.out(`${objectName(kind, name)} ${met}\n`);
        return undefined;
      } catch (error) {
        if (session.terminal.signal.aborted) throw error;
        return limit.isTimeout()
          ? `error: timed out waiting for the condition on ${kind.plural}/${name}`
          : errorText(error);
      }
    }),
  );
  const problems = results.filter((result) => result !== undefined);
  for (const problem of problems) session.terminal.err(`${problem}\n`);
  return problems.length > 0 ? 1 : 0;
}

async function findTargets(
  api: Api,
  args: readonly string[],
  options: Options,
): Promise<{ readonly kind: KindInfo; readonly name: string }[]> {
  const targets = [];
  for (const selection of parseSelections(args)) {
    const { kind, names } = selection;
    if (names.length > 0) {
      targets.push(...names.map((name) => ({ kind, name })));
      continue;
    }
    const labelSelector = textOption(options, 'selector');
    const fieldSelector = textOption(options, 'fieldSelector');
    if (!isOn(options, 'all') && labelSelector === undefined && fieldSelector === undefined)
      throw new UsageError('resource(s) were provided, but no name was specified; name them, or use -l or --all');
    const found = await fetchObjects(api, selection, { namespace: api.namespace, labelSelector, fieldSelector });
    targets.push(...found.map((object) => ({ kind, name: refOf(object).name })));
  }
  return targets;
}

async function reach(
  session: Session,
  api: Api,
  goal: Goal,
  kind: KindInfo,
  name: string,
  signal: AbortSignal,
): Promise<void> {
  const ref = refIn(kind, api.namespace, name);
  if (goal.kind === 'delete') return waitForDeletion(session, api, { kind, ref }, signal);
  if (goal.kind !== 'create') {
    const now = await api.client.get<Unstructured>(kind, ref, { signal });
    if (isReached(goal, now)) return;
  }
  const scope = { fieldSelector: `metadata.name=${name}` };
  for await (const { type, object } of follow<Unstructured>(api, kind, scope, session.terminal, signal)) {
    if (type === 'DELETED' && goal.kind !== 'create') throw new CommandError(`${objectName(kind, name)} was deleted`);
    if (object !== undefined && type !== 'DELETED' && isReached(goal, object)) return;
  }
  if (isApiError(signal.reason)) throw signal.reason;
}
