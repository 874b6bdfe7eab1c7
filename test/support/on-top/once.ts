// Whether everything happened once: a run for each cause, a slice for each step and attempt, a binding for each slice, an execution
// for each attempt. Pure; judged from all events of runs and slices.
import { type Run, type Slice, wellKnown } from '../../../apis/index.ts';
import type { Audited } from './audit.ts';
import type { Asked } from './work.ts';

/** All that is known at the end. */
export interface Records {
  readonly asked: readonly Asked[];
  readonly runs: readonly Audited<Run>[];
  readonly slices: readonly Audited<Slice>[];
  /** `RUN STEP ATTEMPT`, as often as it was executed. */
  readonly lines: readonly string[];
}

/** One line for each thing that happened twice, not at all, or to what it should not. */
export function judgeOnce({ asked, runs, slices, lines }: Records): readonly string[] {
  const lastRuns = lastOf(runs);
  const lastSlices = lastOf(slices);
  return [
    ...madeTwice('run', runs),
    ...madeTwice('slice', slices),
    ...asked.flatMap((one) => judgeRuns(one, lastRuns)),
    ...judgeLives(slices),
    ...lastRuns.flatMap((run) => judgeSlices(run, lastSlices)),
    ...judgeLines(lastSlices, lines),
  ];
}

/** The last state of each object, those that were deleted as they were then; one made again under a name has its own. */
function lastOf<T extends Run | Slice>(events: readonly Audited<T>[]): readonly T[] {
  return [...new Map(events.map(({ object }) => [object.metadata.uid, object])).values()];
}

function madeTwice(what: string, events: readonly Audited<Run | Slice>[]): readonly string[] {
  const uids = new Map<string, Set<string>>();
  for (const { object } of events) {
    const { name = '', uid = '' } = object.metadata;
    uids.set(name, (uids.get(name) ?? new Set()).add(uid));
  }
  return [...uids].flatMap(([name, made]) => (made.size > 1 ? [`${what} ${name} was made ${made.size} times`] : []));
}

function judgeRuns({ name, uid, generation, requests }: Asked, runs: readonly Run[]): readonly string[] {
  const causes = runs
    .filter(({ spec }) => spec.pipeline.uid === uid)
    .map(({ metadata, spec }) => metadata.labels?.[wellKnown.requestLabel] ?? `generation ${spec.pipeline.generation}`)
    .toSorted();
  const wanted = [
    ...requests,
    ...Array.from({ length: generation }, (_, index) => `generation ${index + 1}`),
  ].toSorted();
  return causes.join(', ') === wanted.join(', ')
    ? []
    : [`pipeline ${name} has runs for [${causes.join(', ')}], asked for was [${wanted.join(', ')}]`];
}

/** A slice is placed at most once, and what has ended stays as it ended. */
function judgeLives(slices: readonly Audited<Slice>[]): readonly string[] {
  const before = new Map<string, Slice>();
  return slices.flatMap(({ object }) => {
    const { uid = '', name = '' } = object.metadata;
    const last = before.get(uid);
    before.set(uid, object);
    if (last === undefined)
      return object.spec.nodeName === undefined ? [] : [`slice ${name} came with node ${object.spec.nodeName}`];
    const { nodeName } = last.spec;
    const phase = last.status?.phase ?? '';
    return [
      ...(nodeName !== undefined && object.spec.nodeName !== nodeName
        ? [`slice ${name} was on ${nodeName}, then on ${object.spec.nodeName ?? 'none'}`]
        : []),
      ...(isFinal(phase) && object.status?.phase !== phase
        ? [`slice ${name} was ${phase}, then ${object.status?.phase ?? 'nothing'}`]
        : []),
      ...(phase === 'Running' && object.status?.phase === 'Pending' ? [`slice ${name} ran, then waited`] : []),
    ];
  });
}

/** A run has a slice for each step and each attempt of its group, and no other; its status says what they do. */
function judgeSlices(run: Run, slices: readonly Slice[]): readonly string[] {
  const { name = '', uid } = run.metadata;
  const own = slices.filter(({ spec }) => spec.runUID === uid);
  const wanted = run.spec.plan.steps.flatMap((step) => {
    const failed = run.status?.attempts?.find(({ group }) => group === step.group)?.attempt ?? 0;
    return Array.from({ length: failed + 1 }, (_, index) => `${step.name}/${index + 1}`);
  });
  const made = own.map(({ spec }) => `${spec.step}/${spec.attempt}`).toSorted();
  const steps = (run.status?.steps ?? []).flatMap((step) => {
    const slice = own.find(({ metadata }) => metadata.name === step.slice);
    return slice?.status?.phase === step.phase
      ? []
      : [
          `run ${name} says that ${step.name} is ${step.phase}, its slice ${step.slice ?? ''} ${slice?.status?.phase ?? 'is not there'}`,
        ];
  });
  return [
    ...(run.status?.phase === 'Succeeded' ? [] : [`run ${name} is ${JSON.stringify(run.status)}`]),
    ...(made.join(' ') === wanted.toSorted().join(' ')
      ? []
      : [`run ${name} has slices [${made.join(' ')}], its plan and attempts name [${wanted.toSorted().join(' ')}]`]),
    ...steps,
  ];
}

/** What succeeded or failed was executed once; what was lost once or never; nothing else was. */
function judgeLines(slices: readonly Slice[], lines: readonly string[]): readonly string[] {
  const counts = new Map<string, number>();
  for (const line of lines) counts.set(line, (counts.get(line) ?? 0) + 1);
  const known = new Map(slices.map((slice) => [`${slice.spec.run} ${slice.spec.step} ${slice.spec.attempt}`, slice]));
  return [
    ...[...known].flatMap(([line, slice]) => {
      const count = counts.get(line) ?? 0;
      const phase = slice.status?.phase ?? 'Pending';
      const isRight = phase === 'Succeeded' || phase === 'Failed' ? count === 1 : count <= 1;
      return isRight ? [] : [`${line} is ${phase} and was executed ${count} times`];
    }),
    ...[...counts.keys()].flatMap((line) => (known.has(line) ? [] : [`${line} was executed and has no slice`])),
  ];
}

const isFinal = (phase: string): boolean => phase === 'Succeeded' || phase === 'Failed' || phase === 'Lost';
