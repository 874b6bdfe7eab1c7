// meta.k8s.io/v1 Table: what kubectl get prints, made from the table of kinds; a few kinds say a cell in their own way.
import { type KindInfo, kinds, type PrinterColumn, type Unstructured } from '../../apis/index.ts';
import { arrayOf, at, isRecord, recordOf, textOf } from '../json.ts';
import { isTerminal } from '../registry/strategy.ts';
import { customCell } from './custom-cell.ts';
import { humanDuration } from './duration.ts';
import { jsonPath } from './json-path.ts';
import { partialOf } from './partial.ts';
import { podCells } from './pod-cells.ts';

/** How much of each object a row of a Table carries. */
export type IncludeObject = 'None' | 'Metadata' | 'Object';

/** How a Table is made. */
export interface TableOptions {
  readonly include: IncludeObject;
  readonly nowMs: number;
  readonly metadata: Readonly<Record<string, unknown>>;
  /** Whether column definitions are given; a watch gives them with its first event only. */
  readonly withColumns: boolean;
}

/** The Table of some objects of a kind. */
export function tableOf(info: KindInfo, objects: readonly Unstructured[], options: TableOptions): unknown {
  return {
    ...tableFrame(info, options.metadata, options.withColumns),
    rows: objects.map((object) => tableRow(info, object, options)),
  };
}

/** A Table but for its rows. */
export function tableFrame(
  info: KindInfo,
  metadata: Readonly<Record<string, unknown>>,
  withColumns = true,
): Record<string, unknown> {
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata,
    columnDefinitions: withColumns
      ? nameAndOthers(
          info,
          nameColumn(info),
          info.columns.map((column) => definitionOf(info, column)),
        )
      : null,
  };
}

/** The row of one object. */
export function tableRow(
  info: KindInfo,
  object: Unstructured,
  { include, nowMs }: Pick<TableOptions, 'include' | 'nowMs'>,
): unknown {
  return {
    cells: nameAndOthers(
      info,
      object.metadata.name ?? '',
      info.columns.map((column) => cellOf(info, column, object, nowMs)),
    ),
    ...rowObject(object, include),
  };
}

// Nobody chose an event's name, so it comes last and only with -o wide, as in Kubernetes.
function nameAndOthers<Name, Other>(info: KindInfo, name: Name, others: readonly Other[]): (Name | Other)[] {
  return info === kinds.events ? [...others, name] : [name, ...others];
}

function nameColumn(info: KindInfo) {
  const scope = info.scope === 'Namespaced' ? 'Unique within its herd and kind.' : 'Unique within its kind.';
  return {
    name: 'Name',
    type: 'string',
    format: 'name',
    description: scope,
    priority: info === kinds.events ? 1 : 0,
  };
}

function definitionOf(info: KindInfo, column: PrinterColumn) {
  return {
    name: column.name,
    type: column.type === 'date' && !isForeign(info) ? 'string' : column.type,
    format: column.format ?? '',
    description: column.description,
    priority: column.priority ?? 0,
  };
}

function rowObject(object: Unstructured, include: IncludeObject): Record<string, unknown> {
  if (include === 'None') return {};
  return { object: include === 'Object' ? object : partialOf(object) };
}

type Cell = (object: Unstructured, nowMs: number) => unknown;

const ownCells: Readonly<Record<string, Readonly<Record<string, Cell>>>> = {
  [kinds.nodes.kind]: { Status: nodeStatus },
  [kinds.pods.kind]: podCells,
  [kinds.secrets.kind]: { Data: (secret) => Object.keys(recordOf(secret.data)).length },
  [kinds.serviceAccounts.kind]: { Secrets: (account) => arrayOf(account.secrets).length },
  [kinds.events.kind]: {
    'Last Seen': (event, nowMs) =>
      age(event.lastTimestamp ?? event.eventTime ?? event.firstTimestamp ?? event.metadata.creationTimestamp, nowMs),
    Object: (event) => {
      const kind = textOf(at(event, 'involvedObject.kind')) ?? '';
      const name = textOf(at(event, 'involvedObject.name')) ?? '';
      return kind === '' ? name : `${kind.toLowerCase()}/${name}`;
    },
    Subobject: (event) => textOf(at(event, 'involvedObject.fieldPath')) ?? '',
    Source: (event) => {
      const component = textOf(at(event, 'source.component')) ?? textOf(event.reportingComponent) ?? '';
      const host = textOf(at(event, 'source.host')) ?? textOf(event.reportingInstance) ?? '';
      return host === '' ? component : `${component}, ${host}`;
    },
    Message: (event) => (textOf(event.message) ?? '').trim(),
    'First Seen': (event, nowMs) =>
      age(event.firstTimestamp ?? event.eventTime ?? event.metadata.creationTimestamp, nowMs),
  },
  [kinds.slices.kind]: { Phase: slicePhase },
  [kinds.customResourceDefinitions.kind]: { 'Created At': ({ metadata }) => metadata.creationTimestamp ?? '<unknown>' },
};

// Kubernetes says of its own kinds that an age is text, and of users' kinds that it is a date.
function isForeign({ definition }: KindInfo): boolean {
  return definition !== undefined;
}

function cellOf(info: KindInfo, column: PrinterColumn, object: Unstructured, nowMs: number): unknown {
  if (isForeign(info)) return customCell(column, object, nowMs);
  const own = ownCells[info.kind]?.[column.name];
  if (own !== undefined) return own(object, nowMs);
  const value = jsonPath(object, column.path);
  if (value === undefined || value === null) return column.type === 'date' ? '<unknown>' : null;
  if (column.type === 'date') return age(value, nowMs);
  return typeof value === 'object' ? JSON.stringify(value) : value;
}

function age(value: unknown, nowMs: number): string {
  const ms = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return Number.isNaN(ms) ? '<unknown>' : humanDuration(nowMs - ms);
}

function nodeStatus(node: Unstructured): string {
  const ready = arrayOf(at(node, 'status.conditions')).find((item) => isRecord(item) && item.type === 'Ready');
  const word = !isRecord(ready) ? 'Unknown' : ready.status === 'True' ? 'Ready' : 'NotReady';
  return at(node, 'spec.unschedulable') === true ? `${word},SchedulingDisabled` : word;
}

// Bound and Terminating are not stored: they follow from what is.
function slicePhase(slice: Unstructured): string {
  const phase = textOf(at(slice, 'status.phase')) ?? 'Pending';
  if (isTerminal(slice)) return phase;
  if (slice.metadata.deletionTimestamp !== undefined) return 'Terminating';
  return phase === 'Pending' && at(slice, 'spec.nodeName') !== undefined ? 'Bound' : phase;
}
