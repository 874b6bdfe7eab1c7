// The picture of a run: one row a step. Pure: what is known goes in, rows come out.
import type { CountersStatus, PlanStep, Run, StepStatus } from '../../apis/index.ts';
import { shortDuration } from './duration.ts';

/** A step as one row of the progress table; undefined is not known yet. */
export interface StepRow {
  readonly step: string;
  readonly state: string;
  readonly node: string;
  readonly recordsIn: number | undefined;
  readonly recordsOut: number | undefined;
  readonly rejected: number | undefined;
  readonly perSecond: number | undefined;
  readonly time: string;
  readonly note: string;
}

/** Counters as the progress stream gave them last, by step. */
export type LiveCounters = ReadonlyMap<string, { readonly attempt: number; readonly counters: CountersStatus }>;

/** The columns of the progress table. */
export const progressHeader = ['STEP', 'STATE', 'IN', 'OUT', 'REJECTED', 'RECORDS/S', 'TIME', ''];

/** A row for each step of the plan, in its order. */
export function stepRows(run: Run, live: LiveCounters, nowMs: number): StepRow[] {
  return run.spec.plan.steps.map((step) => stepRow(step, run, live, nowMs));
}

function stepRow(step: PlanStep, run: Run, live: LiveCounters, nowMs: number): StepRow {
  const status = run.status?.steps?.find(({ name }) => name === step.name);
  const counters = countersOf(status, live.get(step.name));
  const elapsedMs = elapsed(status, nowMs);
  const records = Math.max(counters?.recordsIn ?? 0, counters?.recordsOut ?? 0);
  return {
    step: step.name,
    state: status?.phase ?? 'Waiting',
    node: status?.node ?? '',
    recordsIn: counters?.recordsIn,
    recordsOut: counters?.recordsOut,
    rejected: counters?.recordsRejected,
    perSecond:
      elapsedMs !== undefined && elapsedMs > 0 && records > 0 ? Math.round((records / elapsedMs) * 1000) : undefined,
    time: elapsedMs === undefined ? '' : shortTime(elapsedMs),
    note: noteOf(status),
  };
}

// The final counts stand in the status; while a step runs the stream knows more.
function countersOf(
  status: StepStatus | undefined,
  live: { readonly attempt: number; readonly counters: CountersStatus } | undefined,
): CountersStatus | undefined {
  const isNewer = live !== undefined && live.attempt >= (status?.attempt ?? 0);
  if (status?.phase === 'Succeeded' || status?.phase === 'Failed')
    return status.counters ?? (isNewer ? live.counters : undefined);
  return isNewer ? live.counters : status?.counters;
}

function elapsed(status: StepStatus | undefined, nowMs: number): number | undefined {
  if (status?.startTime === undefined) return undefined;
  const end = status.completionTime === undefined ? nowMs : Date.parse(status.completionTime);
  return Math.max(0, end - Date.parse(status.startTime));
}

function noteOf(status: StepStatus | undefined): string {
  const attempt = (status?.attempt ?? 1) > 1 ? `attempt ${status?.attempt ?? ''}` : '';
  const reason =
    status?.phase === 'Succeeded' || status?.phase === 'Running'
      ? ''
      : [status?.reason, status?.message].filter(Boolean).join(': ');
  return [attempt, reason].filter((text) => text !== '').join(', ');
}

/** The row as cells under progressHeader. */
export function progressCells(row: StepRow): string[] {
  return [
    row.step,
    row.state,
    count(row.recordsIn),
    count(row.recordsOut),
    count(row.rejected),
    count(row.perSecond),
    row.time,
    row.note,
  ];
}

/** 12,345 as people read it; nothing for what is not known. */
export function count(value: number | undefined): string {
  return value === undefined ? '' : value.toLocaleString('en-US');
}

/** 0.3s, 12.0s, then as ages. */
export function shortTime(ms: number): string {
  return ms < 120_000 ? `${(ms / 1000).toFixed(1)}s` : shortDuration(ms);
}

/** One line that tells a step's state, for logs and pipes. */
export function stepLine(row: StepRow): string {
  const counts = [
    row.recordsIn === undefined ? '' : `${count(row.recordsIn)} in`,
    row.recordsOut === undefined ? '' : `${count(row.recordsOut)} out`,
    row.rejected === undefined || row.rejected === 0 ? '' : `${count(row.rejected)} rejected`,
    row.perSecond === undefined ? '' : `${count(row.perSecond)} records/s`,
    row.time,
  ].filter((text) => text !== '');
  return [row.step, row.state, counts.join(', '), row.node === '' ? '' : `on ${row.node}`, row.note]
    .filter((text) => text !== '')
    .join('  ');
}
