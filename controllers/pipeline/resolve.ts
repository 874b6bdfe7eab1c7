// From a Pipeline and what it names to the immutable plan of a Run, or the list of what is wrong with it. Pure.
import {
  type Herd,
  labelProblem,
  type Pipeline,
  type PipelineStep,
  type PlanGroup,
  type RunPlan,
} from '../../apis/index.ts';
import { checkWith, type Problem } from '../../lang/expressions/index.ts';
import { type Group, groupSteps, type Ties } from './groups.ts';
import { planStep } from './plan-step.ts';
import { type FilePlace, filePlace } from './uri.ts';

/** What the resolver may ask about the herd, answered from caches. */
export interface Seen {
  /** The contract object that `NAME@RANGE` means now, or why there is none. */
  contract(reference: string): { readonly object: string; readonly schemaHash: string } | { readonly problem: string };
  bundle(
    name: string,
  ): { readonly hash: string; readonly format: 'module' | 'files'; readonly exports?: readonly string[] } | undefined;
  hasSecret(name: string): boolean;
  /** What the herd gives its slices, and the least that they have. */
  readonly slices?: SliceRules;
  /** Volumes the herd may use; undefined means any. */
  readonly volumes: readonly string[] | undefined;
}

/** `spec.slices` of a Herd. */
export type SliceRules = NonNullable<NonNullable<Herd['spec']>['slices']>;

/** A plan that can run, or everything that stands against it. */
export type Resolution =
  | { readonly kind: 'plan'; readonly plan: RunPlan }
  | { readonly kind: 'refused'; readonly problems: readonly Problem[] };

/** A source or sink whose URI has been read. */
export interface Endpoint<T> {
  readonly declared: T;
  readonly place: FilePlace;
}

/** Collects problems; paths are fields of the Pipeline. */
export type Report = (path: string, message: string) => void;

const retryMaxDefault = 3;
const backoffDefault = '1s';

/** The plan of a pipeline. Equal input gives an equal plan; every problem is reported, not only the first. */
export function resolve(pipeline: Pipeline, seen: Seen, parameters: Readonly<Record<string, string>> = {}): Resolution {
  const { spec } = pipeline;
  const problems: Problem[] = [];
  const report: Report = (path, message) => void problems.push({ path, message });
  const steps = spec.steps;
  const sources = endpoints('spec.sources', spec.sources ?? [], seen, report);
  const sinks = endpoints('spec.sinks', spec.sinks ?? [], seen, report);
  const deadLetters = spec.deadLetters?.map((route, index) =>
    place(`spec.deadLetters[${index}].uri`, route.uri, seen, report),
  )[0];
  checkNames(steps, sources, report);
  checkTargets(sinks, deadLetters, report);
  for (const [index, step] of steps.entries()) checkStep(`spec.steps[${index}]`, step, pipeline, seen, report);
  for (const [index, sink] of (spec.sinks ?? []).entries()) {
    if (!steps.some((step) => step.name === sink.from))
      report(`spec.sinks[${index}].from`, `step "${sink.from}" does not exist`);
  }
  if (problems.length > 0) return { kind: 'refused', problems };

  const grouped = groupSteps(tiesOf(steps, sources, sinks));
  if ('problem' in grouped) return { kind: 'refused', problems: [{ path: grouped.field, message: grouped.problem }] };
  const groupOf = new Map(grouped.groups.flatMap((group) => group.steps.map((step) => [step, group.name] as const)));
  const planned = steps.map((step, index) =>
    planStep({
      path: `spec.steps[${index}]`,
      step,
      group: groupOf.get(step.name) ?? step.name,
      steps,
      sources,
      sinks,
      seen,
      report,
    }),
  );
  if (problems.length > 0) return { kind: 'refused', problems };
  const rejecting = grouped.groups.filter((group) =>
    planned.some((step) => step.group === group.name && step.runtime === 'node'),
  );
  const groups = grouped.groups.map((group) =>
    planGroup(group, steps, spec.retry, lettersOf(group, rejecting, deadLetters)),
  );
  return { kind: 'plan', plan: { groups, steps: planned, parameters: { ...spec.parameters, ...parameters } } };
}

function endpoints<T extends { readonly name: string; readonly uri: string }>(
  path: string,
  declared: readonly T[],
  seen: Seen,
  report: Report,
): readonly Endpoint<T>[] {
  const names = new Set<string>();
  return declared.flatMap((endpoint, index) => {
    if (names.has(endpoint.name)) report(`${path}[${index}].name`, `"${endpoint.name}" is used twice`);
    names.add(endpoint.name);
    const problem = labelProblem(endpoint.name);
    if (problem !== undefined) report(`${path}[${index}].name`, `"${endpoint.name}": ${problem}`);
    const found = place(`${path}[${index}].uri`, endpoint.uri, seen, report);
    return found === undefined ? [] : [{ declared: endpoint, place: found }];
  });
}

function place(path: string, uri: string, seen: Seen, report: Report): FilePlace | undefined {
  const found = filePlace(uri);
  if ('problem' in found) {
    report(path, found.problem);
    return undefined;
  }
  if (seen.volumes !== undefined && !seen.volumes.includes(found.volume)) {
    report(
      path,
      `the herd may not use volume "${found.volume}" (spec.volumes of the Herd: ${seen.volumes.join(', ') || 'none'})`,
    );
  }
  return found;
}

function checkNames(
  steps: readonly PipelineStep[],
  sources: readonly Endpoint<{ readonly name: string }>[],
  report: Report,
): void {
  const names = new Set(sources.map((source) => source.declared.name));
  for (const [index, { name }] of steps.entries()) {
    const problem = labelProblem(name);
    if (problem !== undefined) report(`spec.steps[${index}].name`, `"${name}": ${problem}`);
    if (names.has(name)) report(`spec.steps[${index}].name`, `"${name}" is used twice among sources and steps`);
    names.add(name);
  }
}

function checkTargets(
  sinks: readonly Endpoint<{ readonly name: string }>[],
  deadLetters: FilePlace | undefined,
  report: Report,
): void {
  const taken = new Set(deadLetters === undefined ? [] : [fileKey(deadLetters)]);
  for (const [index, sink] of sinks.entries()) {
    if (taken.has(fileKey(sink.place)))
      report(`spec.sinks[${index}].uri`, 'another sink or the dead letters write the same file');
    taken.add(fileKey(sink.place));
  }
}

function checkStep(path: string, step: PipelineStep, pipeline: Pipeline, seen: Seen, report: Report): void {
  const inputs = new Set([...(pipeline.spec.sources ?? []), ...pipeline.spec.steps].map((producer) => producer.name));
  for (const [index, from] of (step.from ?? []).entries()) {
    if (!inputs.has(from))
      report(`${path}.from[${index}]`, `no source or step is named "${from}" (there are: ${[...inputs].join(', ')})`);
  }
  for (const [index, after] of (step.after ?? []).entries()) {
    if (!pipeline.spec.steps.some((other) => other.name === after))
      report(`${path}.after[${index}]`, `step "${after}" does not exist`);
  }
  for (const [index, secret] of (step.secrets ?? []).entries()) {
    if (!seen.hasSecret(secret.name)) {
      report(
        `${path}.secrets[${index}].name`,
        `secret "${secret.name}" does not exist in herd "${pipeline.metadata.namespace}"`,
      );
    }
    if (secret.env !== undefined && secret.key === undefined)
      report(`${path}.secrets[${index}].key`, 'is required with env');
  }
  checkCode(path, step, seen, report);
  const inputCount = step.from?.length ?? 0;
  if (step.use === 'join' && inputCount !== 2)
    report(`${path}.from`, `a join has two inputs, the last held in memory; it has ${inputCount}`);
  if (step.use !== 'exec' && inputCount === 0)
    report(`${path}.from`, 'is required: only an exec step can do without records');
  if (new Set(step.from).size !== inputCount) report(`${path}.from`, 'names an input twice');
  for (const problem of checkWith(step.use ?? 'module', step.with ?? {}, step.from ?? [])) {
    report([`${path}.with`, problem.path].filter((part) => part !== '').join('.'), problem.message);
  }
}

function checkCode(path: string, step: PipelineStep, seen: Seen, report: Report): void {
  const isModule = step.use === undefined;
  if (isModule && step.bundle === undefined)
    return report(`${path}.use`, 'a step needs use (a built-in) or bundle and export (a module)');
  if (isModule && step.export === undefined)
    return report(`${path}.export`, 'is required: the export of the module to run');
  if (!isModule && step.export !== undefined) report(`${path}.export`, `goes with a module, not with use: ${step.use}`);
  if (step.bundle === undefined) return;
  if (!isModule && step.use !== 'exec')
    return report(`${path}.bundle`, `goes with a module or with exec, not with use: ${step.use}`);
  const bundle = seen.bundle(step.bundle);
  if (bundle === undefined) {
    return report(`${path}.bundle`, `bundle "${step.bundle}" does not exist; runictl apply makes it from a path`);
  }
  if (isModule && bundle.format !== 'module')
    report(`${path}.bundle`, `bundle "${step.bundle}" is not a module but ${bundle.format}`);
  if (isModule && bundle.exports !== undefined && !bundle.exports.includes(step.export ?? '')) {
    report(
      `${path}.export`,
      `bundle "${step.bundle}" has no export "${step.export}" (it has: ${bundle.exports.join(', ') || 'none'})`,
    );
  }
}

function tiesOf(
  steps: readonly PipelineStep[],
  sources: readonly Endpoint<{ readonly name: string }>[],
  sinks: readonly Endpoint<{ readonly from: string }>[],
): Ties {
  const isStep = new Set(steps.map((step) => step.name));
  const writerOf = new Map(sinks.map((sink) => [fileKey(sink.place), sink.declared.from]));
  const sourceWriter = new Map(sources.map((source) => [source.declared.name, writerOf.get(fileKey(source.place))]));
  const ordersOf = (step: PipelineStep, index: number): Ties['orders'] => [
    ...(step.after ?? []).map((first) => ({ first, then: step.name, field: `spec.steps[${index}].after` })),
    ...(step.from ?? []).flatMap((name) => {
      const writer = sourceWriter.get(name);
      return writer === undefined ? [] : [{ first: writer, then: step.name, field: `spec.steps[${index}].from` }];
    }),
  ];
  return {
    steps: steps.map((step) => step.name),
    pipes: steps.flatMap((step) =>
      (step.from ?? []).filter((name) => isStep.has(name)).map((name) => [name, step.name] as const),
    ),
    orders: steps.flatMap(ordersOf),
  };
}

/** A group that fails is repeated as its most patient step asks, else as the pipeline does. */
function planGroup(
  group: Group,
  steps: readonly PipelineStep[],
  common: PipelineStep['retry'],
  deadLetters: FilePlace | undefined,
): PlanGroup {
  const own = steps.filter((step) => group.steps.includes(step.name)).flatMap((step) => step.retry ?? []);
  const retries = own.length > 0 ? own : [common ?? {}];
  return {
    name: group.name,
    steps: group.steps,
    after: group.after,
    retryMax: Math.max(...retries.map((retry) => retry.max ?? common?.max ?? retryMaxDefault)),
    backoffMs: Math.max(...retries.map((retry) => durationMs(retry.backoff ?? common?.backoff ?? backoffDefault))),
    ...(deadLetters === undefined ? {} : { deadLetters }),
  };
}

/** The first group that can reject takes the file as it is named; each further one a file of its own beside it. */
function lettersOf(group: Group, rejecting: readonly Group[], file: FilePlace | undefined): FilePlace | undefined {
  const rank = rejecting.indexOf(group);
  if (file === undefined || rank < 0) return undefined;
  if (rank === 0) return file;
  const dot = file.path.lastIndexOf('.');
  const cut = dot > file.path.lastIndexOf('/') + 1 ? dot : file.path.length;
  return { volume: file.volume, path: `${file.path.slice(0, cut)}-${group.name}${file.path.slice(cut)}` };
}

function durationMs(text: string): number {
  const unit = /[a-z]+$/.exec(text)?.[0] ?? 's';
  const factor: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
  return Number.parseInt(text, 10) * (factor[unit] ?? 1000);
}

function fileKey(file: FilePlace): string {
  return `${file.volume}/${file.path}`;
}
