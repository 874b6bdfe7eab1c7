import { isApiError, notFound } from '../../apis/index.ts';
import { collectionPath, objectPath } from '../../client/index.ts';
import { type Api, refIn } from '../api.ts';
import { CommandError, errorText, UsageError } from '../failure.ts';
import { isOn, numberOption, type Options, textOption } from '../options.ts';
import { columnLines, columnWidths } from '../print/columns.ts';
import { type Output, parseOutput, printObjects } from '../print/output.ts';
import { headerOf, readTable, rowOf, type ServerTable, tableAccept } from '../print/server-table.ts';
import { parseSelections, type Selection } from '../resource.ts';
import type { Session } from '../session.ts';
import { watchTable } from './get-watch.ts';
import { fetchObjects, pastQuery, type Scope, scopeOf, tableOptions } from './listing.ts';

/** `runictl get`. Exit code 1 when something named is not there. */
export async function get(session: Session, args: readonly string[], options: Options): Promise<number> {
  const { terminal } = session;
  const output = await parseOutput(textOption(options, 'output'), terminal);
  const selections = parseSelections(args);
  const api = await session.connect();
  const at = numberOption(options, 'at');
  const scope = { ...scopeOf(api, options), ...(at === undefined ? {} : { at: String(at) }) };
  if (isOn(options, 'watch') || isOn(options, 'watchOnly')) {
    if (at !== undefined) throw new UsageError('--at shows one moment of the past; it does not go with --watch');
    return watchTable(session, api, selections, scope, output, options);
  }
  return output.form === 'table'
    ? printTables(session, api, selections, scope, options, output.isWide)
    : printAll(session, api, selections, scope, options, output);
}

async function printAll(
  session: Session,
  api: Api,
  selections: readonly Selection[],
  scope: Scope,
  options: Options,
  output: Exclude<Output, { form: 'table' }>,
): Promise<number> {
  const objects = [];
  let failures = 0;
  for (const selection of selections)
    for (const part of parts(selection))
      try {
        const found = await fetchObjects(api, part, scope);
        objects.push(...found.map((object) => ({ kind: part.kind, object })));
      } catch (error) {
        failures += report(session, error, options);
      }
  const isSingle = selections.length === 1 && selections[0]?.names.length === 1;
  if (objects.length > 0 || (!isSingle && failures === 0))
    await printObjects(output, objects, session.terminal, {
      asList: !isSingle,
      keepManagedFields: isOn(options, 'showManagedFields'),
    });
  return failures > 0 ? 1 : 0;
}

// One selection a name, so that one that is missing does not hide the others.
function parts(selection: Selection): Selection[] {
  return selection.names.length === 0 ? [selection] : selection.names.map((name) => ({ ...selection, names: [name] }));
}

async function printTables(
  session: Session,
  api: Api,
  selections: readonly Selection[],
  scope: Scope,
  options: Options,
  isWide: boolean,
): Promise<number> {
  const { terminal } = session;
  let failures = 0;
  let printed = 0;
  for (const selection of selections) {
    const shape = tableOptions(selection, selections, options, isWide);
    const rows: string[][] = [];
    let header: string[] | undefined;
    for (const part of parts(selection))
      try {
        const table = await fetchTable(api, part, scope);
        header ??= headerOf(table, shape);
        rows.push(...table.rows.map((row) => rowOf(table, row, shape)));
      } catch (error) {
        failures += report(session, error, options);
      }
    if (rows.length === 0 || header === undefined) continue;
    const all = options['headers'] === false ? rows : [header, ...rows];
    if (printed > 0) await terminal.out('\n');
    await terminal.out(`${columnLines(all, columnWidths(all)).join('\n')}\n`);
    printed += rows.length;
  }
  if (printed === 0 && failures === 0 && !isOn(options, 'ignoreNotFound'))
    terminal.err(
      scope.namespace === undefined || selections.every(({ kind }) => kind.scope === 'Cluster')
        ? 'No resources found\n'
        : `No resources found in ${scope.namespace} namespace.\n`,
    );
  return failures > 0 ? 1 : 0;
}

async function fetchTable(api: Api, { kind, names }: Selection, scope: Scope): Promise<ServerTable> {
  const [name] = names;
  const past = pastQuery(scope, name);
  const path =
    name === undefined || past !== undefined
      ? collectionPath(
          kind,
          kind.scope === 'Cluster' ? undefined : name === undefined ? scope.namespace : api.namespace,
        )
      : objectPath(kind, refIn(kind, api.namespace, name));
  const selectors = { labelSelector: scope.labelSelector, fieldSelector: scope.fieldSelector };
  const query = past ?? (name === undefined ? selectors : {});
  const answer = await (await api.get(path, { query, accept: tableAccept })).json();
  const table = readTable(answer);
  if (table === undefined) throw new CommandError(`the server at ${api.serverUrl} answered ${path} with no Table`);
  if (past !== undefined && name !== undefined && table.rows.length === 0) throw notFound(kind, name);
  return table;
}

function report(session: Session, error: unknown, options: Options): number {
  if (isApiError(error, 'NotFound')) {
    if (isOn(options, 'ignoreNotFound')) return 0;
    session.terminal.err(`${errorText(error)}\n`);
    return 1;
  }
  throw error;
}
