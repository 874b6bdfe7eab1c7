// How a slice stands, in the words of a Pod's status
// (https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/). Pure.
import type { Condition, ContainerState, ContainerStatus, PodStatus } from '../../../apis/index.ts';

/** What a slice says of itself, as far as a Pod has a place for it. */
export interface SliceFacts {
  readonly step: string;
  readonly attempt: number;
  readonly isBound: boolean;
  readonly phase: string;
  readonly reason: string | undefined;
  readonly message: string | undefined;
  readonly createdAt: string | undefined;
  readonly startedAt: string | undefined;
  readonly endedAt: string | undefined;
  readonly exitCode: number | undefined;
  readonly signal: number | undefined;
}

type Phase = NonNullable<PodStatus['phase']>;

/** Of a container that ended unseen, as Kubernetes has it. */
const unseenExitCode = 137;
/** Added to the signal that ended a process, as shells do. */
const signalExitBase = 128;

/** The status of the Pod that a slice is. */
export function podStatus(facts: SliceFacts, image: string): PodStatus {
  const phase = phaseOf(facts.phase);
  const hasFailed = phase === 'Failed';
  return {
    phase,
    ...(hasFailed ? given({ reason: facts.reason, message: facts.message }) : {}),
    ...given({ startTime: facts.startedAt }),
    qosClass: 'Burstable',
    conditions: conditionsOf(facts, phase),
    ...(isPlaced(facts, phase) ? { containerStatuses: [containerStatus(facts, phase, image)] } : {}),
  };
}

function phaseOf(phase: string): Phase {
  switch (phase) {
    case 'Running':
    case 'Succeeded':
    case 'Failed':
      return phase;
    case 'Lost':
      return 'Failed';
    default:
      return 'Pending';
  }
}

// What has ended was somewhere, also when it never had a node: its container says why it ended.
function isPlaced(facts: SliceFacts, phase: Phase): boolean {
  return facts.isBound || phase === 'Failed';
}

function containerStatus(facts: SliceFacts, phase: Phase, image: string): ContainerStatus {
  const isRunning = phase === 'Running';
  return {
    name: facts.step,
    image,
    imageID: '',
    ready: isRunning,
    started: isRunning,
    restartCount: facts.attempt - 1,
    state: containerState(facts, phase),
    lastState: {},
  };
}

function containerState(facts: SliceFacts, phase: Phase): ContainerState {
  const times = given({ startedAt: facts.startedAt, finishedAt: facts.endedAt });
  switch (phase) {
    case 'Running':
      return { running: given({ startedAt: facts.startedAt }) };
    case 'Succeeded':
      return { terminated: { exitCode: 0, reason: 'Completed', ...given({ message: facts.message }), ...times } };
    case 'Failed':
      return {
        terminated: {
          exitCode: failedExitCode(facts),
          ...given({ signal: facts.signal }),
          reason: facts.reason ?? 'Error',
          ...given({ message: facts.message }),
          ...times,
        },
      };
    default:
      return { waiting: { reason: 'ContainerCreating' } };
  }
}

// Tools take 0 for a success; a slice may exit with it and yet have failed.
function failedExitCode({ phase, exitCode, signal }: SliceFacts): number {
  if (phase === 'Lost') return unseenExitCode;
  if (signal !== undefined) return signalExitBase + signal;
  return exitCode === undefined || exitCode === 0 ? 1 : exitCode;
}

function conditionsOf(facts: SliceFacts, phase: Phase): readonly Condition[] {
  if (!isPlaced(facts, phase)) return [unscheduled(facts)];
  const since = (time: string | undefined) => given({ lastTransitionTime: time });
  const ready = { ...readiness(facts, phase), ...since(phase === 'Running' ? facts.startedAt : lastChange(facts)) };
  // When it was bound is not kept; it was there when its process began.
  const begun = since(facts.startedAt ?? facts.createdAt);
  return [
    { type: 'Initialized', status: 'True', ...begun },
    { type: 'Ready', ...ready },
    { type: 'ContainersReady', ...ready },
    { type: 'PodScheduled', status: facts.isBound ? 'True' : 'False', ...begun },
  ];
}

function lastChange({ endedAt, startedAt, createdAt }: SliceFacts): string | undefined {
  return endedAt ?? startedAt ?? createdAt;
}

function unscheduled({ reason, message, createdAt }: SliceFacts): Condition {
  return {
    type: 'PodScheduled',
    status: 'False',
    ...given({ reason, message, lastTransitionTime: createdAt }),
  };
}

function readiness(facts: SliceFacts, phase: Phase): Pick<Condition, 'status' | 'reason' | 'message'> {
  switch (phase) {
    case 'Running':
      return { status: 'True' };
    case 'Succeeded':
      return { status: 'False', reason: 'PodCompleted' };
    case 'Failed':
      return { status: 'False', reason: 'PodFailed' };
    default:
      return {
        status: 'False',
        reason: 'ContainersNotReady',
        message: `containers with unready status: [${facts.step}]`,
      };
  }
}

type Given<T> = { readonly [Field in keyof T]?: Exclude<T[Field], undefined> };

/** The fields that are not undefined. */
function given<T extends Readonly<Record<string, unknown>>>(fields: T): Given<T>;
function given(fields: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
