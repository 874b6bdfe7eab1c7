import { isApiError, type KindInfo, type Unstructured } from '../../apis/index.ts';
import { refOf } from '../../client/index.ts';
import type { Api } from '../api.ts';
import { CommandError, errorText, UsageError } from '../failure.ts';
import type { Compiled } from '../manifest/compile.ts';
import { lastApplied, lastAppliedAnnotation, threeWayPatch, withLastApplied } from '../merge.ts';
import { dryRunOption, type Options, textOption } from '../options.ts';
import { objectName } from '../print/object.ts';
import { parseOutput, printObjects } from '../print/output.ts';
import type { Session } from '../session.ts';
import { compileFiles } from './compile.ts';

type Outcome = 'created' | 'configured' | 'unchanged';

const manager = 'kubectl-client-side-apply';
const conflictRetriesMax = 5;

/**
 * `runictl apply -f`: makes the objects be as the files say. Several objects are first checked by the server in a dry
 * run, so that a mistake in the last leaves nothing half done. Exit code 1 when one was refused.
 */
export async function apply(session: Session, options: Options): Promise<number> {
  const { terminal } = session;
  const dryRun = dryRunOption(options);
  const output = await parseOutput(textOption(options, 'output'), terminal);
  if (output.form === 'table' && output.isWide) throw new UsageError('-o wide: apply prints name, json or yaml');
  const api = await session.connect();
  const compiled = await compileFiles(session, options, api.namespace);
  if (dryRun !== 'client') {
    const problems = compiled.length > 1 || dryRun === 'server' ? await preflight(api, compiled) : [];
    if (problems.length > 0) {
      for (const problem of problems) terminal.err(`${problem}\n`);
      if (compiled.length > 1) terminal.err('Nothing was changed.\n');
      return 1;
    }
  }
  const done: { kind: KindInfo; object: Unstructured }[] = [];
  let failures = 0;
  for (const item of compiled) {
    try {
      const { outcome, object } = await applyOne(api, item, dryRun);
      done.push({ kind: item.kind, object });
      const suffix = dryRun === 'none' ? '' : dryRun === 'client' ? ' (dry run)' : ' (server dry run)';
      if (output.form === 'table')
        await terminal.out(`${objectName(item.kind, object.metadata.name ?? '')} ${outcome}${suffix}\n`);
    } catch (error) {
      failures++;
      terminal.err(`${placed(item, error)}\n`);
    }
  }
  if (output.form !== 'table' && done.length > 0)
    await printObjects(output, done, terminal, { asList: compiled.length > 1 });
  return failures > 0 ? 1 : 0;
}

/** What the server would refuse. What lives in a herd that is made by the same call cannot be asked before. */
async function preflight(api: Api, compiled: readonly Compiled[]): Promise<string[]> {
  const herds = new Set(
    compiled
      .filter(({ kind }) => kind.kind === 'Herd' || kind.kind === 'Namespace')
      .map(({ object }) => object.metadata.name),
  );
  const problems: string[] = [];
  for (const item of compiled) {
    try {
      await applyOne(api, item, 'server');
    } catch (error) {
      const isInNewHerd = item.kind.scope === 'Namespaced' && herds.has(item.object.metadata.namespace);
      if (isInNewHerd && isApiError(error, 'NotFound')) continue;
      problems.push(placed(item, error));
    }
  }
  return problems;
}

function placed(item: Compiled, error: unknown): string {
  if (isApiError(error) && (error.reason === 'ServiceUnavailable' || error.reason === 'Unauthorized')) throw error;
  return `${errorText(error)}\n  (${item.place})`;
}

async function applyOne(
  api: Api,
  item: Compiled,
  dryRun: 'none' | 'client' | 'server',
): Promise<{ readonly outcome: Outcome; readonly object: Unstructured }> {
  for (let attempt = 0; ; attempt++) {
    try {
      const done = await applyOnce(api, item, dryRun);
      if (item.content !== undefined && dryRun === 'none') await putContent(api, item, item.content, done.outcome);
      return done;
    } catch (error) {
      // Someone was quicker: look again.
      if (!isApiError(error, 'Conflict', 'AlreadyExists') || attempt >= conflictRetriesMax || dryRun !== 'none')
        throw error;
    }
  }
}

/** One try at one object; errors are the server's, Conflict among them. */
export async function applyOnce(
  api: Api,
  { kind, object: asWritten }: Compiled,
  dryRun: 'none' | 'client' | 'server',
): Promise<{ readonly outcome: Outcome; readonly object: Unstructured }> {
  const wanted = withLastApplied(asWritten);
  const ref = refOf(wanted);
  const live = await api.client.get<Unstructured>(kind, ref).catch((error: unknown) => {
    if (isApiError(error, 'NotFound')) return undefined;
    throw error;
  });
  const options = { fieldManager: manager, ...(dryRun === 'server' ? { dryRun: true } : {}) };
  if (live === undefined) {
    if (dryRun === 'client') return { outcome: 'created', object: wanted };
    return { outcome: 'created', object: await api.client.create<Unstructured>(kind, wanted, options) };
  }
  if (live.metadata.deletionTimestamp !== undefined && dryRun === 'none')
    throw new CommandError(
      `${objectName(kind, ref.name)} is being deleted; wait until it is gone ("runictl wait --for=delete"), then apply again`,
    );
  const patch = threeWayPatch(lastApplied(live), wanted, live);
  if (Object.keys(patch).length === 0 || isOnlyBookkeeping(patch, live)) return { outcome: 'unchanged', object: live };
  if (dryRun === 'client') return { outcome: 'configured', object: wanted };
  const object = await api.client.patch<Unstructured>(kind, ref, { type: 'merge', body: patch }, options);
  const isChanged = object.metadata.resourceVersion !== live.metadata.resourceVersion || dryRun === 'server';
  return { outcome: isChanged ? 'configured' : 'unchanged', object };
}

// An annotation whose only news is the order of keys is no change.
function isOnlyBookkeeping(patch: Readonly<Record<string, unknown>>, live: Unstructured): boolean {
  const text = JSON.stringify(patch);
  const current = live.metadata.annotations?.[lastAppliedAnnotation];
  return (
    current !== undefined &&
    text === JSON.stringify({ metadata: { annotations: { [lastAppliedAnnotation]: current } } })
  );
}

async function putContent(api: Api, item: Compiled, content: Uint8Array, outcome: Outcome): Promise<void> {
  const ref = refOf(item.object);
  if (outcome !== 'created') {
    const isThere = await api.client.getContent(ref).then(
      () => true,
      (error: unknown) => {
        if (isApiError(error, 'NotFound')) return false;
        throw error;
      },
    );
    if (isThere) return;
  }
  await api.client.putContent(ref, content);
}
