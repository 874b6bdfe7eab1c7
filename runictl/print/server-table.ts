// Tables that the server made (meta.k8s.io/v1 Table), printed as kubectl does.
import { isRecord, recordsOf, textOf } from '../values.ts';
import { valueText } from './jsonpath.ts';

/** Asks for a Table, and takes plain objects from a server that has none. */
export const tableAccept = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';

/** A Table answer of the API. */
export interface ServerTable {
  readonly columns: readonly { readonly name: string; readonly priority: number }[];
  readonly rows: readonly TableRow[];
  readonly resourceVersion: string;
}

/** One object of a Table, with its metadata. */
export interface TableRow {
  readonly cells: readonly unknown[];
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** Reads a Table answer; undefined if it is something else. */
export function readTable(value: unknown): ServerTable | undefined {
  if (!isRecord(value) || value['kind'] !== 'Table') return undefined;
  const columns = recordsOf(value['columnDefinitions']).map((column) => ({
    name: textOf(column['name']),
    priority: Number(column['priority'] ?? 0),
  }));
  const rows = recordsOf(value['rows']).map((row) => {
    const object = isRecord(row['object']) ? row['object'] : {};
    return {
      cells: Array.isArray(row['cells']) ? (row['cells'] as readonly unknown[]) : [],
      metadata: isRecord(object['metadata']) ? object['metadata'] : {},
    };
  });
  const metadata = isRecord(value['metadata']) ? value['metadata'] : {};
  return { columns, rows, resourceVersion: textOf(metadata['resourceVersion']) };
}

/** Which columns are shown, and how names are written. */
export interface TableOptions {
  readonly isWide: boolean;
  readonly withNamespace: boolean;
  readonly withLabels: boolean;
  readonly labelColumns: readonly string[];
  /** `pipeline.runink.io/`, put before names when several kinds are shown. */
  readonly namePrefix: string;
}

/** The header of a table. */
export function headerOf(table: Pick<ServerTable, 'columns'>, options: TableOptions): string[] {
  return [
    ...(options.withNamespace ? ['NAMESPACE'] : []),
    ...shownColumns(table, options).map(([name]) => name.toUpperCase()),
    ...options.labelColumns.map((label) => (label.split('/').at(-1) ?? label).toUpperCase()),
    ...(options.withLabels ? ['LABELS'] : []),
  ];
}

/** One row of a table, in the header's order. */
export function rowOf(table: Pick<ServerTable, 'columns'>, row: TableRow, options: TableOptions): string[] {
  const labels = isRecord(row.metadata['labels']) ? row.metadata['labels'] : {};
  const cells = shownColumns(table, options).map(([, index]) => cellText(row.cells[index]));
  cells[0] = `${options.namePrefix}${cells[0] ?? ''}`;
  const all = Object.entries(labels).map(([key, value]) => `${key}=${textOf(value)}`);
  return [
    ...(options.withNamespace ? [textOf(row.metadata['namespace'])] : []),
    ...cells,
    ...options.labelColumns.map((label) => textOf(labels[label])),
    ...(options.withLabels ? [all.length === 0 ? '<none>' : all.join(',')] : []),
  ];
}

function shownColumns(table: Pick<ServerTable, 'columns'>, options: TableOptions): [string, number][] {
  return table.columns.flatMap(({ name, priority }, index): [string, number][] =>
    priority === 0 || options.isWide ? [[name, index]] : [],
  );
}

function cellText(value: unknown): string {
  return value === null || value === undefined ? '<none>' : valueText(value);
}
