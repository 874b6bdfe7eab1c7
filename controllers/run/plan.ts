// What to do next for a run: pure, so that its rules are a table of tests.
import type { GroupAttempt, PlanGroup, Run, Slice } from '../../apis/index.ts';
import { foldStatus, type RunStatus, type Verdict } from './fold.ts';
import { type Culprit, failedAttempt, type GroupState, groupState, isLive, type Known, knownOf } from './groups.ts';

/** One write of the run controller; harmless when repeated. */
export type RunAction =
  | { readonly do: 'create'; readonly group: string; readonly step: string; readonly attempt: number }
  | { readonly do: 'delete'; readonly slice: string };

/** What is to be done for one run, and when to look again. */
export interface RunDecision {
  readonly actions: readonly RunAction[];
  /** The status as it should be; equal to what is there when nothing changed. */
  readonly status: RunStatus;
  /** Look again then, for a retry that is due. */
  readonly requeueAfterMs?: number;
}

/** Whether nothing will happen to the run any more. */
export function isFinished(run: Run): boolean {
  const phase = run.status?.phase;
  return phase === 'Succeeded' || phase === 'Failed' || phase === 'Cancelled';
}

/** Decides from the run and its slices. `run` must carry the newest status that its controller wrote. */
export function planRun(run: Run, slices: readonly Slice[], nowMs: number): RunDecision {
  if (isFinished(run)) return { actions: [], status: run.status ?? {} };
  return run.spec.cancel === true ? planCancel(run, slices, nowMs) : planForward(run, slices, nowMs);
}

function planCancel(run: Run, slices: readonly Slice[], nowMs: number): RunDecision {
  const live = slices.filter(isLive);
  const verdict: Verdict =
    live.length === 0
      ? { phase: 'Cancelled', reason: 'Cancelled', message: 'cancelled by request' }
      : { phase: 'Running' };
  return {
    actions: deletions(live),
    status: foldStatus({ run, slices, attempts: run.status?.attempts ?? [], verdict, nowMs }),
  };
}

function planForward(run: Run, slices: readonly Slice[], nowMs: number): RunDecision {
  const { groups } = run.spec.plan;
  const known = knownOf(run, slices);
  const states = statesOf(groups, known, nowMs);
  const attempts = new Map(known.attempts);
  const failures: string[] = [];
  for (const [group, state] of states) {
    if (state.kind !== 'failed') continue;
    const entry = failedAttempt(group, attempts.get(group.name), state.attempt, state.culprit, nowMs);
    attempts.set(group.name, entry);
    if (entry.retryTime === undefined) failures.push(failureText(state.culprit, entry));
  }
  // A run that is failing starts nothing new; what runs may end.
  const isFailing = [...attempts.values()].some((entry) => entry.retryTime === undefined);
  const message = isFailing ? (run.status?.message ?? failures[0] ?? '') : undefined;
  const status = foldStatus({
    run,
    slices,
    attempts: [...attempts.values()],
    verdict: verdictOf(states, message),
    nowMs,
  });
  const ending = states.flatMap(([, state]) => (state.kind === 'ending' ? deletions(state.live) : []));
  if (isFailing) return { actions: ending, status };
  const requeueAfterMs = nextRetryMs(states, attempts) - nowMs;
  return {
    actions: [...ending, ...states.flatMap(([group, state]) => creations(group, state))],
    status,
    ...(Number.isFinite(requeueAfterMs) ? { requeueAfterMs: Math.max(0, requeueAfterMs) } : {}),
  };
}

type States = readonly (readonly [PlanGroup, GroupState])[];

/** Groups stand in an order in which they can run, so that what a group waits for is judged before it. */
function statesOf(groups: readonly PlanGroup[], known: Known, nowMs: number): States {
  const succeeded = new Set<string>();
  return groups.map((group) => {
    const state = groupState(group, known, succeeded, nowMs);
    if (state.kind === 'succeeded') succeeded.add(group.name);
    return [group, state] as const;
  });
}

function creations(group: PlanGroup, state: GroupState): readonly RunAction[] {
  if (state.kind !== 'due' && state.kind !== 'running') return [];
  return state.missing.map((step) => ({ do: 'create', group: group.name, step, attempt: state.attempt }));
}

function deletions(live: readonly Slice[]): readonly RunAction[] {
  return live
    .filter((slice) => slice.metadata.deletionTimestamp === undefined)
    .map((slice) => ({ do: 'delete', slice: slice.metadata.name ?? '' }));
}

function nextRetryMs(states: States, attempts: ReadonlyMap<string, GroupAttempt>): number {
  const times = states.flatMap(([group, state]) => {
    const retryTime = attempts.get(group.name)?.retryTime;
    return (state.kind === 'failed' || state.kind === 'delayed') && retryTime !== undefined
      ? [Date.parse(retryTime)]
      : [];
  });
  return Math.min(...times);
}

function verdictOf(states: States, failure: string | undefined): Verdict {
  if (states.every(([, state]) => state.kind === 'succeeded')) return { phase: 'Succeeded' };
  if (failure === undefined) return { phase: 'Running' };
  const isBusy = states.some(([, state]) => state.kind === 'running' || state.kind === 'ending');
  return { phase: isBusy ? 'Running' : 'Failed', reason: 'StepFailed', message: failure };
}

function failureText(culprit: Culprit, entry: GroupAttempt): string {
  const tail = culprit.message === '' ? '' : `: ${culprit.message}`;
  return `step "${culprit.step}" failed on attempt ${entry.attempt}: ${culprit.reason}${tail}`;
}
