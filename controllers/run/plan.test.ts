import { expect } from 'chai';
import type { GroupAttempt, PlanGroup, PlanStep, Run, Slice, StepStatus } from '../../apis/index.ts';
import { planRun } from './plan.ts';

const nowMs = Date.parse('2026-01-01T00:00:00Z');
const now = '2026-01-01T00:00:00Z';

function planStep(name: string, group: string): PlanStep {
  const limits = { cpuMillis: 100, cpuLimitMillis: 1000, memoryBytes: 1, pids: 1 };
  return { name, group, use: 'exec', runtime: 'native', inputs: [], outputs: [], ...limits };
}
function group(name: string, steps: readonly string[], after: readonly string[] = []): PlanGroup {
  return { name, steps, after, retryMax: 1, backoffMs: 1000 };
}
function runOf(groups: readonly PlanGroup[], status: Run['status'] = {}, cancel = false): Run {
  const steps = groups.flatMap((one) => one.steps.map((name) => planStep(name, one.name)));
  return {
    apiVersion: 'runink.io/v1',
    kind: 'Run',
    metadata: { name: 'r', namespace: 'h', uid: 'u' },
    spec: { pipeline: { name: 'p' }, plan: { groups, steps }, ...(cancel ? { cancel } : {}) },
    status,
  };
}
type SliceStatus = NonNullable<Slice['status']>;
function slice(step: string, phase?: SliceStatus['phase'], attempt = 1, more: Partial<SliceStatus> = {}): Slice {
  return {
    apiVersion: 'runink.io/v1',
    kind: 'Slice',
    metadata: { name: `r-${step}-${attempt}`, namespace: 'h' },
    spec: { run: 'r', step, attempt, nodeName: 'n1' },
    status: phase === undefined ? {} : { phase, ...more },
  };
}
const create = (step: string, of: string, attempt = 1) => ({ do: 'create' as const, group: of, step, attempt });
const failedOnce = (more: Partial<GroupAttempt> = {}): Run['status'] => ({
  phase: 'Running',
  attempts: [{ group: 'a', attempt: 1, failures: 1, losses: 0, retryTime: now, ...more }],
});
const folded = (name: string, phase: StepStatus['phase']): StepStatus => ({
  name,
  phase,
  attempt: 1,
  slice: `r-${name}-1`,
});

const oom = { reason: 'OOMKilled', message: 'over 64Mi' };
const one = [group('a', ['a'])];
const pair = [group('a', ['a', 'b'])];
const chain = [group('a', ['a']), group('b', ['b'], ['a'])];
const apart = [group('a', ['a']), group('b', ['b']), group('c', ['c'], ['b'])];
const killB = { do: 'delete' as const, slice: 'r-b-1' };

describe('planRun', () => {
  for (const [title, run, slices, actions, phase] of [
    ['makes all slices of a group together', runOf(pair), [], [create('a', 'a'), create('b', 'a')], 'Running'],
    ['makes what a crash left out', runOf(pair), [slice('a')], [create('b', 'a')], 'Running'],
    ['starts a group only after the ones before it', runOf(chain), [slice('a', 'Running')], [], 'Running'],
    ['goes on as soon as they succeeded', runOf(chain), [slice('a', 'Succeeded')], [create('b', 'b')], 'Running'],
    [
      'goes on from what was folded when the slice is gone',
      runOf(chain, { steps: [folded('a', 'Succeeded')] }),
      [],
      [create('b', 'b')],
      'Running',
    ],
    ['is done when every group is', runOf(chain), [slice('a', 'Succeeded'), slice('b', 'Succeeded')], [], 'Succeeded'],
    [
      'ends the rest of a group in which one failed',
      runOf(pair),
      [slice('a', 'Failed', 1, oom), slice('b', 'Running')],
      [killB],
      'Running',
    ],
    ['waits before it repeats', runOf(pair), [slice('a', 'Failed', 1, oom), slice('b', 'Failed')], [], 'Running'],
    [
      'repeats when the time has come',
      runOf(pair, failedOnce()),
      [slice('a', 'Failed'), slice('b', 'Failed')],
      [create('a', 'a', 2), create('b', 'a', 2)],
      'Running',
    ],
    ['fails after the last repetition', runOf(one, failedOnce()), [slice('a', 'Failed', 2, oom)], [], 'Failed'],
    [
      'does not repeat what would fail again',
      runOf(one),
      [slice('a', 'Failed', 1, { reason: 'SourceNotFound' })],
      [],
      'Failed',
    ],
    [
      'starts nothing new while it fails',
      runOf(apart),
      [slice('a', 'Failed', 1, { reason: 'InvalidStep' }), slice('b', 'Succeeded')],
      [],
      'Failed',
    ],
    [
      'lets what runs end before it fails',
      runOf(apart),
      [slice('a', 'Failed', 1, { reason: 'InvalidStep' }), slice('b', 'Running')],
      [],
      'Running',
    ],
    [
      'takes a running slice that vanished for lost',
      runOf(one, { steps: [folded('a', 'Running')] }),
      [],
      [],
      'Running',
    ],
    [
      'deletes what lives when cancelled',
      runOf(pair, {}, true),
      [slice('b', 'Running'), slice('a', 'Succeeded')],
      [killB],
      'Running',
    ],
    [
      'is cancelled when nothing lives',
      runOf(pair, {}, true),
      [slice('a', 'Failed', 1, { reason: 'Cancelled' })],
      [],
      'Cancelled',
    ],
    ['never touches a finished run', runOf(pair, { phase: 'Failed' }), [slice('a', 'Running')], [], 'Failed'],
  ] as const) {
    it(title, () => {
      const decision = planRun(run, slices, nowMs);
      expect({ actions: decision.actions, phase: decision.status.phase }).to.deep.equal({ actions, phase });
    });
  }

  it('names the step, the attempt and the reason when it fails', () => {
    const slices = [slice('b', 'Failed', 2, { reason: 'GroupFailed' }), slice('a', 'Failed', 2, oom)];
    const { status } = planRun(runOf(pair, failedOnce()), slices, nowMs);
    expect(status.message).to.equal('step "a" failed on attempt 2: OOMKilled: over 64Mi');
  });
  it('keeps the message of the failure until the rest has ended', () => {
    const failed = slice('a', 'Failed', 1, { reason: 'InvalidStep', message: 'm' });
    const failing = planRun(runOf(apart), [failed, slice('b', 'Running')], nowMs);
    const ended = planRun(runOf(apart, failing.status), [slice('b', 'Succeeded')], nowMs);
    expect(ended.status).to.include({ phase: 'Failed', message: 'step "a" failed on attempt 1: InvalidStep: m' });
  });
  it('doubles the wait with each failure', () => {
    const patient = [{ ...group('a', ['a']), retryMax: 5 }];
    const third = planRun(
      runOf(patient, failedOnce({ attempt: 2, failures: 2 })),
      [slice('a', 'Failed', 3, oom)],
      nowMs,
    );
    expect(third.requeueAfterMs).to.equal(4000);
  });
  it('makes a first loss good at once and does not count it as a failure', () => {
    const lost = planRun(runOf(one), [slice('a', 'Lost', 1, { reason: 'AgentRestarted' })], nowMs);
    expect(lost.requeueAfterMs).to.equal(0);
    expect(lost.status.attempts).to.deep.equal([
      { group: 'a', attempt: 1, failures: 0, losses: 1, retryTime: '2026-01-01T00:00:00.000Z' },
    ]);
  });
  it('gives the same status again when nothing changed', () => {
    const slices = [slice('a', 'Running')];
    const first = planRun(runOf(chain), slices, nowMs);
    expect(planRun(runOf(chain, first.status), slices, nowMs + 5000).status).to.deep.equal(first.status);
  });
});
