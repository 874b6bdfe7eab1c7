import { isApiError, type KindInfo, type Ref, type Unstructured } from '../../apis/index.ts';
import { refOf } from '../../client/index.ts';
import { type Api, refIn } from '../api.ts';
import { CommandError, errorText, UsageError } from '../failure.ts';
import { deadline, follow } from '../follow.ts';
import { inOrder } from '../manifest/order.ts';
import { dryRunOption, durationOption, isOn, listOption, numberOption, type Options, textOption } from '../options.ts';
import { objectName } from '../print/object.ts';
import { parseSelections } from '../resource.ts';
import type { Session } from '../session.ts';
import { compileFiles } from './compile.ts';
import { fetchObjects } from './listing.ts';

interface Target {
  readonly kind: KindInfo;
  readonly ref: Ref;
  readonly uid?: string;
}

const propagation: Readonly<Record<string, 'Background' | 'Foreground' | 'Orphan'>> = {
  background: 'Background',
  foreground: 'Foreground',
  orphan: 'Orphan',
};

/** `runictl delete`: by name, selector, --all or -f; waits until they are gone unless --no-wait. */
export async function deleteVerb(session: Session, args: readonly string[], options: Options): Promise<number> {
  const { terminal } = session;
  const api = await session.connect();
  const targets = await findTargets(session, api, args, options);
  const dryRun = dryRunOption(options);
  const deleted: Target[] = [];
  let failures = 0;
  for (const target of targets)
    try {
      if (dryRun !== 'client') await deleteOne(api, target, options, dryRun === 'server');
      deleted.push(target);
      const name = objectName(target.kind, target.ref.name);
      const suffix = dryRun === 'none' ? '' : dryRun === 'client' ? ' (dry run)' : ' (server dry run)';
      const how = isOn(options, 'force') ? ' force deleted' : ' deleted';
      await terminal.out(
        textOption(options, 'output') === 'name'
          ? `${name}\n`
          : `${target.kind.singular}${target.kind.group === '' ? '' : `.${target.kind.group}`} "${target.ref.name}"${how}${suffix}\n`,
      );
    } catch (error) {
      if (isApiError(error, 'NotFound') && isOn(options, 'ignoreNotFound')) continue;
      failures++;
      terminal.err(`${errorText(error)}\n`);
      if (isApiError(error, 'ServiceUnavailable', 'Unauthorized')) return 1;
    }
  if (dryRun === 'none' && options['wait'] !== false) await waitUntilGone(session, api, deleted, options);
  return failures > 0 ? 1 : 0;
}

async function findTargets(session: Session, api: Api, args: readonly string[], options: Options): Promise<Target[]> {
  const files = listOption(options, 'filename');
  const labelSelector = textOption(options, 'selector');
  const isAll = isOn(options, 'all');
  if (files.length > 0) {
    if (args.length > 0) throw new UsageError('name objects or files with -f, not both');
    const compiled = await compileFiles(session, options, api.namespace);
    // What others name goes last.
    return inOrder(compiled)
      .reverse()
      .map(({ kind, object }) => ({ kind, ref: refOf(object) }));
  }
  const selections = parseSelections(args);
  const targets: Target[] = [];
  for (const selection of selections) {
    if (selection.names.length > 0) {
      if (isAll || labelSelector !== undefined)
        throw new UsageError('name objects, or select them with -l or --all, not both');
      targets.push(
        ...selection.names.map((name) => ({ kind: selection.kind, ref: refIn(selection.kind, api.namespace, name) })),
      );
      continue;
    }
    if (!isAll && labelSelector === undefined)
      throw new UsageError('resource(s) were provided, but no name was specified; name them, or use -l or --all');
    const found = await fetchObjects(api, selection, {
      namespace: api.namespace,
      labelSelector,
      fieldSelector: undefined,
    });
    targets.push(...found.map((object) => ({ kind: selection.kind, ref: refOf(object) })));
  }
  if (targets.length === 0) session.terminal.err('No resources found\n');
  return targets;
}

async function deleteOne(api: Api, { kind, ref }: Target, options: Options, dryRun: boolean): Promise<void> {
  const grace = isOn(options, 'force') ? 0 : numberOption(options, 'gracePeriod');
  const mode = propagation[textOption(options, 'cascade') ?? 'background'];
  await api.client.delete(kind, ref, {
    ...(mode === undefined ? {} : { propagationPolicy: mode }),
    ...(grace === undefined ? {} : { gracePeriodSeconds: grace }),
    ...(dryRun ? { dryRun: true } : {}),
  });
}

async function waitUntilGone(session: Session, api: Api, targets: readonly Target[], options: Options): Promise<void> {
  using limit = deadline(session.terminal, durationOption(options, 'timeout'));
  for (const target of targets)
    try {
      await waitForDeletion(session, api, target, limit.signal);
    } catch (error) {
      if (!limit.isTimeout()) throw error;
      throw new CommandError(
        `timed out waiting for the deletion of ${objectName(target.kind, target.ref.name)}; "runictl describe" tells which finalizers hold it`,
        { cause: error },
      );
    }
}

/** Resolves when the object is gone, or another one has its name. */
export async function waitForDeletion(
  session: Session,
  api: Api,
  { kind, ref }: Target,
  signal: AbortSignal,
): Promise<void> {
  const first = await api.client.get<Unstructured>(kind, ref, { signal }).catch((error: unknown) => {
    if (isApiError(error, 'NotFound')) return undefined;
    throw error;
  });
  if (first === undefined) return;
  const herd = ref.namespace === undefined ? api : { ...api, namespace: ref.namespace };
  const scope = { fieldSelector: `metadata.name=${ref.name}` };
  let isThere = false;
  for await (const { type, object } of follow<Unstructured>(herd, kind, scope, session.terminal, signal)) {
    if (type === 'DELETED' || (type === 'synced' && !isThere)) return;
    if (object !== undefined && object.metadata.uid !== first.metadata.uid) return;
    isThere = true;
  }
}
