// Folds what the slices say into the run's status. Pure; equal input gives an equal status, so that nothing is written
// when nothing changed.
import type { Condition, GroupAttempt, Run, Slice, StepStatus } from '../../apis/index.ts';

/** The status of a Run that has one. */
export type RunStatus = NonNullable<Run['status']>;

/** How the run as a whole stands. */
export interface Verdict {
  readonly phase: NonNullable<RunStatus['phase']>;
  readonly reason?: string;
  readonly message?: string;
}

/** A run, its slices as they are, and what was decided of both. */
export interface FoldInput {
  readonly run: Run;
  readonly slices: readonly Slice[];
  readonly attempts: readonly GroupAttempt[];
  readonly verdict: Verdict;
  readonly nowMs: number;
}

/** The status that says all that is known now. */
export function foldStatus({ run, slices, attempts, verdict, nowMs }: FoldInput): RunStatus {
  const before = run.status ?? {};
  const isOver = verdict.phase === 'Succeeded' || verdict.phase === 'Failed' || verdict.phase === 'Cancelled';
  const newest = newestByStep(slices);
  const known = new Map((before.steps ?? []).map((step) => [step.name, step]));
  const steps = run.spec.plan.steps.map(({ name }) => foldStep(name, newest.get(name), known.get(name), isOver));
  const succeeded = steps.filter((step) => step.phase === 'Succeeded').length;
  return {
    phase: verdict.phase,
    ...(verdict.reason === undefined ? {} : { reason: verdict.reason }),
    ...(verdict.message === undefined ? {} : { message: verdict.message }),
    startTime: before.startTime ?? new Date(nowMs).toISOString(),
    ...(isOver ? { completionTime: before.completionTime ?? new Date(nowMs).toISOString() } : {}),
    stepsTotal: steps.length,
    stepsSucceeded: succeeded,
    summary: `${succeeded}/${steps.length}`,
    recordsRejected: steps.reduce((sum, step) => sum + (step.counters?.recordsRejected ?? 0), 0),
    steps,
    ...(attempts.length === 0 ? {} : { attempts }),
    ...(isOver ? { conditions: [outcome(verdict, nowMs)] } : {}),
  };
}

function newestByStep(slices: readonly Slice[]): ReadonlyMap<string, Slice> {
  const newest = new Map<string, Slice>();
  for (const slice of slices) {
    const other = newest.get(slice.spec.step);
    if (other === undefined || other.spec.attempt < slice.spec.attempt) newest.set(slice.spec.step, slice);
  }
  return newest;
}

function foldStep(name: string, slice: Slice | undefined, known: StepStatus | undefined, isOver: boolean): StepStatus {
  if (slice === undefined || slice.spec.attempt < (known?.attempt ?? 0)) {
    if (known === undefined || known.phase === 'Waiting') return { name, phase: isOver ? 'Cancelled' : 'Waiting' };
    return isOver && (known.phase === 'Pending' || known.phase === 'Running')
      ? { ...known, phase: 'Cancelled' }
      : known;
  }
  const { phase = 'Pending', reason, message, startTime, completionTime, exitCode, counters } = slice.status ?? {};
  const details = { node: slice.spec.nodeName, reason, message, startTime, completionTime, exitCode, counters };
  return {
    name,
    phase,
    attempt: slice.spec.attempt,
    slice: slice.metadata.name ?? '',
    ...Object.fromEntries(Object.entries(details).filter(([, value]) => value !== undefined)),
  };
}

/** As a Job has it: Complete or Failed, True. */
function outcome(verdict: Verdict, nowMs: number): Condition {
  return {
    type: verdict.phase === 'Succeeded' ? 'Complete' : 'Failed',
    status: 'True',
    reason: verdict.reason ?? 'Succeeded',
    message: verdict.message ?? 'every step succeeded',
    lastTransitionTime: new Date(nowMs).toISOString(),
  };
}
