import { ApiError, type Unstructured } from '../../apis/index.ts';
import { collectionPath } from '../../client/index.ts';
import type { Api } from '../api.ts';
import { UsageError } from '../failure.ts';
import { isOn, type Options } from '../options.ts';
import { columnLines, columnWidths } from '../print/columns.ts';
import { type Output, printObjects } from '../print/output.ts';
import { headerOf, readTable, rowOf, tableAccept } from '../print/server-table.ts';
import type { Selection } from '../resource.ts';
import type { Session } from '../session.ts';
import { isRecord, textOf } from '../values.ts';
import { type Scope, tableOptions, watchLines } from './listing.ts';

/** `get -w`: prints what is there, then every change as a row or object, until interrupted or the server ends it. */
export async function watchTable(
  session: Session,
  api: Api,
  selections: readonly Selection[],
  scope: Scope,
  output: Output,
  options: Options,
): Promise<number> {
  const [selection, ...more] = selections;
  if (selection === undefined || more.length > 0 || selection.names.length > 1)
    throw new UsageError('you may only specify a single resource type and at most one name with --watch');
  const { kind, names } = selection;
  const { terminal } = session;
  const [name] = names;
  const path = collectionPath(kind, kind.scope === 'Cluster' ? undefined : scope.namespace);
  const fieldSelector =
    name === undefined ? scope.fieldSelector : [`metadata.name=${name}`, scope.fieldSelector].filter(Boolean).join(',');
  const query = { labelSelector: scope.labelSelector, fieldSelector };
  const accept = output.form === 'table' ? { accept: tableAccept } : {};
  // kubectl lists first, so that the first rows are aligned with each other.
  const list = await (await api.get(path, { query, ...accept, signal: terminal.signal })).json();
  const printer = output.form === 'table' ? rowPrinter(session, selection, options, output.isWide) : undefined;
  const print = async (object: unknown): Promise<void> => {
    if (printer !== undefined) await printer(object);
    else if (output.form !== 'table' && isRecord(object))
      for (const item of Array.isArray(object['items']) ? object['items'] : [object])
        await printObjects(output, [{ kind, object: item as Unstructured }], terminal, { asList: false });
  };
  if (!isOn(options, 'watchOnly')) await print(list);
  const metadata = isRecord(list) && isRecord(list['metadata']) ? list['metadata'] : {};
  const stream = await api.get(path, {
    query: { ...query, watch: 'true', resourceVersion: textOf(metadata['resourceVersion']) },
    ...accept,
    signal: terminal.signal,
    isLong: true,
  });
  try {
    for await (const { type, object } of watchLines(stream.chunks())) {
      if (type === 'ERROR')
        throw new ApiError(
          'Expired',
          isRecord(object) ? textOf(object['message']) : 'the watch was ended by the server',
        );
      if (type !== 'BOOKMARK') await print(object);
    }
  } catch (error) {
    if (terminal.signal.aborted) return 0;
    throw error;
  }
  return 0;
}

function rowPrinter(session: Session, selection: Selection, options: Options, isWide: boolean) {
  const shape = tableOptions(selection, [selection], options, isWide);
  let columns: ReturnType<typeof readTable>;
  let widths: number[] | undefined;
  return async (answer: unknown): Promise<void> => {
    const table = readTable(answer);
    if (table === undefined) return;
    // Only the first table of a watch says what its columns are.
    if (table.columns.length > 0) columns = table;
    const shownBy = columns ?? table;
    const rows = table.rows.map((row) => rowOf(shownBy, row, shape));
    if (rows.length === 0) return;
    const header = widths === undefined && options['headers'] !== false ? [headerOf(shownBy, shape)] : [];
    widths ??= columnWidths([headerOf(shownBy, shape), ...rows]);
    await session.terminal.out(`${columnLines([...header, ...rows], widths).join('\n')}\n`);
  };
}
