// Where each group of a run stands, judged from its slices and, for slices that are gone, from what was folded into the
// run's status. Pure.
import type { GroupAttempt, PlanGroup, Run, Slice, StepStatus } from '../../apis/index.ts';

/** One group at its newest attempt. */
export type GroupState =
  | { readonly kind: 'waiting' }
  | { readonly kind: 'due'; readonly attempt: number; readonly missing: readonly string[] }
  | { readonly kind: 'delayed'; readonly untilMs: number }
  | { readonly kind: 'running'; readonly attempt: number; readonly missing: readonly string[] }
  /** Something in it failed and the rest still lives; the rest must end first. */
  | { readonly kind: 'ending'; readonly live: readonly Slice[] }
  | { readonly kind: 'failed'; readonly attempt: number; readonly culprit: Culprit }
  /** Failed for the last time, as recorded in the status. */
  | { readonly kind: 'exhausted' }
  | { readonly kind: 'succeeded' };

/** What made an attempt fail. `lost`: the fault was not the step's own. */
export interface Culprit {
  readonly step: string;
  readonly reason: string;
  readonly message: string;
  readonly lost: boolean;
}

/** Losses (of a node or an agent) after which a group is given up; they do not count as failures. */
export const lossesMax = 16;
/** Reasons that would come again: these are not retried. */
export const permanentReasons: ReadonlySet<string> = new Set([
  'InvalidStep',
  'SourceNotFound',
  'SinkNotWritable',
  'DecodeFailed',
  'ContractViolation',
  'SecretNotFound',
  'BundleNotFound',
  'ContractNotFound',
  'VolumeNotFound',
]);
const secondhandReasons: ReadonlySet<string> = new Set(['GroupFailed', 'UpstreamFailed', 'Cancelled']);
const backoffMsMax = 300_000;

/** What is known of a run, by name, so that a run of many steps is judged in one pass over each. */
export interface Known {
  /** By `STEP/ATTEMPT`. */
  readonly slices: ReadonlyMap<string, Slice>;
  readonly folded: ReadonlyMap<string, StepStatus>;
  readonly attempts: ReadonlyMap<string, GroupAttempt>;
}

/** Files a run's slices and status by name. */
export function knownOf(run: Run, slices: readonly Slice[]): Known {
  return {
    slices: new Map(slices.map((slice) => [`${slice.spec.step}/${slice.spec.attempt}`, slice])),
    folded: new Map((run.status?.steps ?? []).map((step) => [step.name, step])),
    attempts: new Map((run.status?.attempts ?? []).map((entry) => [entry.group, entry])),
  };
}

/** The state of `group`; `succeeded` holds the groups before it that have. */
export function groupState(group: PlanGroup, known: Known, succeeded: ReadonlySet<string>, nowMs: number): GroupState {
  const last = known.attempts.get(group.name);
  const attempt = (last?.attempt ?? 0) + 1;
  const steps = group.steps.map((name) => stepAt(name, attempt, known));
  if (steps.every((step) => step.phase === 'Succeeded')) return { kind: 'succeeded' };
  const bad = steps.filter((step) => step.phase === 'Failed' || step.phase === 'Lost');
  if (bad.length > 0) {
    const live = steps.flatMap((step) => (step.slice !== undefined && isLive(step.slice) ? [step.slice] : []));
    return live.length > 0 ? { kind: 'ending', live } : { kind: 'failed', attempt, culprit: culpritOf(bad) };
  }
  const missing = steps.filter((step) => step.phase === 'Waiting').map((step) => step.name);
  if (missing.length < steps.length) return { kind: 'running', attempt, missing };
  if (last !== undefined && last.retryTime === undefined) return { kind: 'exhausted' };
  if (!(group.after ?? []).every((name) => succeeded.has(name))) return { kind: 'waiting' };
  const retryMs = last?.retryTime === undefined ? 0 : Date.parse(last.retryTime);
  return retryMs > nowMs ? { kind: 'delayed', untilMs: retryMs } : { kind: 'due', attempt, missing };
}

/** What is to be recorded of a failed attempt; without retryTime it was the last one. */
export function failedAttempt(
  group: PlanGroup,
  before: GroupAttempt | undefined,
  attempt: number,
  culprit: Culprit,
  nowMs: number,
): GroupAttempt {
  const failures = (before?.failures ?? 0) + (culprit.lost ? 0 : 1);
  const losses = (before?.losses ?? 0) + (culprit.lost ? 1 : 0);
  const record = { group: group.name, attempt, failures, losses };
  if (permanentReasons.has(culprit.reason) || failures > (group.retryMax ?? 0) || losses > lossesMax) return record;
  // The first loss is made good at once; failures, and further losses, wait twice as long each time.
  const doublings = culprit.lost ? losses - 2 : failures - 1;
  const waitMs = doublings < 0 ? 0 : Math.min((group.backoffMs ?? 0) * 2 ** doublings, backoffMsMax);
  return { ...record, retryTime: new Date(nowMs + waitMs).toISOString() };
}

/** Whether the slice still has, or may get, a process. */
export function isLive(slice: Slice): boolean {
  const phase = slice.status?.phase;
  return phase === undefined || phase === 'Pending' || phase === 'Running';
}

interface StepAt {
  readonly name: string;
  readonly phase: StepStatus['phase'];
  readonly reason: string;
  readonly message: string;
  readonly slice: Slice | undefined;
}

function stepAt(name: string, attempt: number, known: Known): StepAt {
  const slice = known.slices.get(`${name}/${attempt}`);
  if (slice !== undefined) {
    const { phase = 'Pending', reason = '', message = '' } = slice.status ?? {};
    return { name, phase, reason, message, slice };
  }
  const folded = known.folded.get(name);
  if (folded === undefined || folded.attempt !== attempt)
    return { name, phase: 'Waiting', reason: '', message: '', slice };
  if (folded.phase === 'Pending' || folded.phase === 'Running') {
    const message = `slice ${folded.slice} was deleted while it ran`;
    return { name, phase: 'Lost', reason: 'SliceDeleted', message, slice };
  }
  return { name, phase: folded.phase, reason: folded.reason ?? '', message: folded.message ?? '', slice };
}

/** The root cause: a step's own failure before a loss, a loss before those that others dragged along. */
function culpritOf(bad: readonly StepAt[]): Culprit {
  const rank = (step: StepAt): number => {
    if (step.phase === 'Failed' && !secondhandReasons.has(step.reason)) return 0;
    return step.phase === 'Lost' ? 1 : 2;
  };
  const [first] = [...bad].sort((a, b) => rank(a) - rank(b));
  if (first === undefined) return { step: '', reason: 'Unknown', message: '', lost: true };
  const reason = first.reason === '' ? 'StepFailed' : first.reason;
  return { step: first.name, reason, message: first.message, lost: rank(first) === 1 || reason === 'Cancelled' };
}
