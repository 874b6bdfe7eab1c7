// An object in words. Runs, slices, pipelines and nodes get tables; the rest is an indented tree.
import type { KindInfo, Run, Slice, Unstructured } from '../../apis/index.ts';
import { isRecord, recordsOf, textOf } from '../values.ts';
import { columnLines } from './columns.ts';
import { shortDuration } from './duration.ts';
import { escapeControls, escapeLine } from './escape.ts';
import { progressCells, progressHeader, stepRows } from './progress.ts';

/** An object to describe, and what of it is not shown. */
export interface Described {
  readonly kind: KindInfo;
  readonly object: Unstructured;
  readonly hiddenAnnotations: readonly string[];
}

const labelWidth = 14;

/** Everything but events. */
export function describeLines(described: Described, slices: readonly Slice[], nowMs: number): string[] {
  const { kind, object } = described;
  return [
    ...metadataLines(described, nowMs),
    ...bodyLines(kind, object, slices, nowMs),
    ...conditionLines(object, nowMs),
  ];
}

function metadataLines({ kind, object, hiddenAnnotations }: Described, nowMs: number): string[] {
  const { name, namespace, labels, annotations, creationTimestamp, deletionTimestamp, ownerReferences, finalizers } =
    object.metadata;
  const shown = Object.entries(annotations ?? {}).filter(([key]) => !hiddenAnnotations.includes(key));
  const age = creationTimestamp === undefined ? '' : ` (${shortDuration(nowMs - Date.parse(creationTimestamp))} ago)`;
  return [
    row('Name', name ?? ''),
    ...(namespace === undefined ? [] : [row('Namespace', namespace)]),
    row('Kind', kind.kind),
    ...pairs('Labels', Object.entries(labels ?? {}), '='),
    ...pairs('Annotations', shown, ': '),
    row('Created', `${creationTimestamp ?? '<unknown>'}${age}`),
    ...(deletionTimestamp === undefined ? [] : [row('Deleting', `since ${deletionTimestamp}`)]),
    ...(finalizers === undefined || finalizers.length === 0 ? [] : [row('Finalizers', finalizers.join(', '))]),
    ...(ownerReferences ?? []).map((owner) => row('Owner', `${owner.kind}/${owner.name}`)),
  ];
}

function bodyLines(kind: KindInfo, object: Unstructured, slices: readonly Slice[], nowMs: number): string[] {
  switch (kind.kind) {
    case 'Run':
      return runLines(object as unknown as Run, slices, nowMs);
    case 'Secret':
      return secretLines(object);
    default:
      return Object.entries(object)
        .filter(([key]) => !['apiVersion', 'kind', 'metadata'].includes(key))
        .flatMap(([key, value]) => [`${title(key)}:`, ...treeLines(withoutConditions(key, value), '  ')]);
  }
}

function runLines(run: Run, slices: readonly Slice[], nowMs: number): string[] {
  const { status, spec } = run;
  const parameters = Object.entries(spec.plan.parameters ?? {}).map(([key, value]): [string, string] => [key, value]);
  return [
    row(
      'Pipeline',
      `${spec.pipeline.name}${spec.pipeline.generation === undefined ? '' : ` (generation ${spec.pipeline.generation})`}`,
    ),
    row('Phase', status?.phase ?? 'Pending'),
    ...(status?.reason === undefined ? [] : [row('Reason', status.reason)]),
    ...(status?.message === undefined ? [] : [row('Message', status.message)]),
    ...(status?.startTime === undefined ? [] : [row('Started', status.startTime)]),
    ...(status?.completionTime === undefined ? [] : [row('Ended', status.completionTime)]),
    ...(parameters.length === 0 ? [] : pairs('Parameters', parameters, '=')),
    'Steps:',
    ...columnLines([progressHeader, ...stepRows(run, new Map(), nowMs).map(progressCells)]).map((line) => `  ${line}`),
    'Groups:',
    ...spec.plan.groups.map(
      ({ name, steps, after }) =>
        `  ${escapeLine(name)}: ${steps.join(' → ')}${after === undefined || after.length === 0 ? '' : `, after ${after.join(', ')}`}`,
    ),
    ...sinkLines(run),
    ...sliceLines(slices),
  ];
}

function sinkLines(run: Run): string[] {
  const sinks = run.spec.plan.steps.flatMap(({ name, outputs }) =>
    outputs.flatMap((output) =>
      output.kind === 'file'
        ? [`  ${name} → ${output.uri ?? `file://${output.volume ?? ''}/${output.path ?? ''}`}`]
        : [],
    ),
  );
  const letters = run.spec.plan.groups.flatMap(({ deadLetters }) =>
    deadLetters === undefined ? [] : [`file://${deadLetters.volume}/${deadLetters.path}`],
  );
  return [
    ...(sinks.length === 0 ? [] : ['Sinks:', ...sinks]),
    ...(letters.length === 0 ? [] : [row('Dead letters', [...new Set(letters)].join(', '))]),
  ];
}

function sliceLines(slices: readonly Slice[]): string[] {
  if (slices.length === 0) return [];
  const rows = slices.map(({ metadata, spec, status }) => [
    metadata.name ?? '',
    status?.phase ?? 'Pending',
    spec.nodeName ?? '<none>',
    status?.reason ?? '',
    status?.message ?? '',
  ]);
  return [
    'Slices:',
    ...columnLines([['Name', 'Phase', 'Node', 'Reason', 'Message'], ...rows]).map((line) => `  ${line}`),
  ];
}

function secretLines(secret: Unstructured): string[] {
  const data = isRecord(secret['data']) ? Object.entries(secret['data']) : [];
  return [
    row('Type', textOf(secret['type'])),
    'Data:',
    ...data.map(([key, value]) => `  ${escapeLine(key)}: ${Buffer.from(textOf(value), 'base64').length} bytes`),
  ];
}

function conditionLines(object: Unstructured, nowMs: number): string[] {
  const status = object['status'];
  const conditions = isRecord(status) ? recordsOf(status['conditions']) : [];
  if (conditions.length === 0) return [];
  const rows = conditions.map((condition) => [
    textOf(condition['type']),
    textOf(condition['status']),
    typeof condition['lastTransitionTime'] === 'string'
      ? shortDuration(nowMs - Date.parse(condition['lastTransitionTime']))
      : '',
    textOf(condition['reason']),
    textOf(condition['message']),
  ]);
  return [
    'Conditions:',
    ...columnLines([['Type', 'Status', 'Since', 'Reason', 'Message'], ...rows]).map((line) => `  ${line}`),
  ];
}

// Conditions get a table of their own.
function withoutConditions(key: string, value: unknown): unknown {
  if (key !== 'status' || !isRecord(value)) return value;
  const { conditions: _, ...rest } = value;
  return rest;
}

function treeLines(value: unknown, indent: string): string[] {
  if (Array.isArray(value))
    return value.flatMap((item: unknown) => {
      const [first = '', ...rest] = treeLines(item, `${indent}  `);
      return [`${indent}- ${first.trimStart()}`, ...rest];
    });
  if (isRecord(value))
    return Object.entries(value).flatMap(([key, item]) =>
      (isRecord(item) && Object.keys(item).length > 0) || (Array.isArray(item) && item.length > 0)
        ? [`${indent}${title(key)}:`, ...treeLines(item, `${indent}  `)]
        : [`${indent}${title(key)}: ${scalar(item)}`],
    );
  return [`${indent}${scalar(value)}`];
}

function scalar(value: unknown): string {
  if (isRecord(value) || Array.isArray(value)) return '<none>';
  return escapeControls(typeof value === 'string' ? value : JSON.stringify(value)).replaceAll('\n', '\\n');
}

function pairs(name: string, entries: readonly (readonly [string, string])[], between: string): string[] {
  if (entries.length === 0) return [row(name, '<none>')];
  return entries.map(([key, value], index) => row(index === 0 ? name : '', `${key}${between}${value}`));
}

function row(name: string, value: string): string {
  return `${(name === '' ? '' : `${name}:`).padEnd(labelWidth)} ${escapeLine(value)}`;
}

// `lastTransitionTime` → `Last Transition Time`, but a key of a map stays as it is.
function title(key: string): string {
  if (!/^[a-z]+([A-Z][a-z]*)*$/.test(key)) return escapeLine(key);
  const words = key.replace(/([A-Z])/g, ' $1');
  return words.charAt(0).toUpperCase() + words.slice(1);
}
