// What is old enough to go. Pure; times are the objects' own, since all that is at stake is when they go.
import type { EventObject, Run, Slice } from '../../apis/index.ts';
import { isEnded } from '../kit/index.ts';

/** A finished slice stays so long after its end. */
export const sliceMs = 60_000;
/** An Event stays so long after it last happened. */
export const eventMs = 3_600_000;
/** So many finished runs of a pipeline stay. */
export const runsKept = 10;

/** In how many milliseconds a slice may go, or is to be judged; undefined: not before its run has taken in its end. */
export function sliceGoesInMs(slice: Slice, run: Run | undefined, nowMs: number): number | undefined {
  if (!isEnded(slice)) return undefined;
  const endMs = Date.parse(slice.status?.completionTime ?? slice.metadata.creationTimestamp ?? '') || 0;
  const inMs = Math.max(0, endMs + sliceMs - nowMs);
  return inMs > 0 || (run !== undefined && isFolded(slice, run)) ? inMs : undefined;
}

/** Whether the run's status says all that the slice would: then nothing is lost with it. */
function isFolded({ metadata, spec }: Slice, { status }: Run): boolean {
  if (isFinished(status?.phase)) return true;
  const step = status?.steps?.find(({ name }) => name === spec.step);
  if (step === undefined) return false;
  if ((step.attempt ?? 0) > spec.attempt) return true;
  return step.slice === metadata.name && ['Succeeded', 'Failed', 'Lost', 'Cancelled'].includes(step.phase);
}

/** In how many milliseconds an Event may go. */
export function eventGoesInMs(event: EventObject, nowMs: number): number {
  const last = event.lastTimestamp ?? event.eventTime ?? event.metadata.creationTimestamp ?? '';
  return Math.max(0, (Date.parse(last) || 0) + eventMs - nowMs);
}

/** The runs of one pipeline that may go: all finished ones but the newest `runsKept`. */
export function oldRuns(runs: readonly Run[]): readonly Run[] {
  const ended = ({ metadata, status }: Run): string => status?.completionTime ?? metadata.creationTimestamp ?? '';
  return runs
    .filter(({ metadata, status }) => isFinished(status?.phase) && metadata.deletionTimestamp === undefined)
    .sort((a, b) => compare(ended(b), ended(a)) || compare(b.metadata.name ?? '', a.metadata.name ?? ''))
    .slice(runsKept);
}

const isFinished = (phase: string | undefined): boolean =>
  phase === 'Succeeded' || phase === 'Failed' || phase === 'Cancelled';
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
