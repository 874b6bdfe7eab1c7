import {
  type PipelineSink,
  type PipelineSource,
  type PipelineStep,
  type PlanInput,
  type PlanOutput,
  type PlanStep,
  type SliceResource,
  sliceSize,
} from '../../apis/index.ts';
import type { Endpoint, Report, Seen } from './resolve.ts';

/** One step and all that surrounds it. */
export interface StepContext {
  /** Field of the step in the Pipeline, for problems. */
  readonly path: string;
  readonly step: PipelineStep;
  readonly group: string;
  readonly steps: readonly PipelineStep[];
  readonly sources: readonly Endpoint<PipelineSource>[];
  readonly sinks: readonly Endpoint<PipelineSink>[];
  readonly seen: Seen;
  readonly report: Report;
}

type ContractRef = { readonly contract: string; readonly schemaHash: string };

// A step that names no cpu reserves little, so that a group of many fits a small machine, and may use a whole one.
const cpuMillisDefault = 100;
const cpuLimitMillisDefault = 1000;
const cpuMillisMin = 10;
const memoryBytesDefault = { node: 256 * 1024 ** 2, native: 64 * 1024 ** 2 } as const;
// Node alone has eleven threads.
const pidsDefault = { node: 64, native: 32 } as const;
const memoryBytesMin = { node: 64 * 1024 ** 2, native: 4 * 1024 ** 2 } as const;

/** The step, resolved. Problems go to `context.report`; the result is then of no use. */
export function planStep(context: StepContext): PlanStep {
  const { step } = context;
  const runtime = runtimeOf(step, context);
  const checked = step.use === 'validate' ? validated(context) : undefined;
  const bundle = step.bundle === undefined ? undefined : context.seen.bundle(step.bundle);
  return {
    name: step.name,
    group: context.group,
    use: step.use ?? 'module',
    runtime,
    ...(step.with === undefined ? {} : { with: step.with }),
    inputs: inputNames(context).map((name) => planInput(name, context)),
    outputs: planOutputs(context),
    ...checked,
    ...(step.bundle === undefined || bundle === undefined ? {} : { bundle: step.bundle, bundleHash: bundle.hash }),
    ...(step.export === undefined ? {} : { export: step.export }),
    ...(step.env === undefined ? {} : { env: step.env }),
    ...(step.secrets === undefined ? {} : { secrets: step.secrets }),
    ...limits(context, runtime),
  };
}

/** In the order written, but what a source marks as lookup comes last: a join holds its last input in memory. */
function inputNames({ step, sources }: StepContext): readonly string[] {
  const isLookup = (name: string): boolean =>
    sources.some((source) => source.declared.name === name && source.declared.lookup === true);
  return [...(step.from ?? [])].sort((a, b) => Number(isLookup(a)) - Number(isLookup(b)));
}

function planInput(name: string, context: StepContext): PlanInput {
  const source = context.sources.find((candidate) => candidate.declared.name === name);
  if (source === undefined) {
    const producer = context.steps.find((candidate) => candidate.name === name);
    return {
      name,
      kind: 'edge',
      edge: `${name}.${context.step.name}`,
      framed: isFramed(producer, context.step, context),
    };
  }
  const { uri, format, lookup } = source.declared;
  const contract = context.step.use === 'validate' ? undefined : contractAsRead(source.declared, context);
  return {
    name,
    kind: 'file',
    uri,
    ...source.place,
    format: format ?? 'ndjson',
    ...contract,
    ...(lookup === undefined ? {} : { lookup }),
  };
}

function planOutputs(context: StepContext): readonly PlanOutput[] {
  const { step, steps, sinks } = context;
  const edges = steps
    .filter((consumer) => consumer.from?.includes(step.name) === true)
    .map((consumer) => ({
      kind: 'edge' as const,
      edge: `${step.name}.${consumer.name}`,
      framed: isFramed(step, consumer, context),
    }));
  const files = sinks
    .filter((sink) => sink.declared.from === step.name)
    .map(({ declared, place }) => ({
      kind: 'file' as const,
      sink: declared.name,
      uri: declared.uri,
      ...place,
      format: declared.format ?? ('ndjson' as const),
    }));
  return [...edges, ...files];
}

/** Frames run between two programs of ours; a plain program on either end means bare NDJSON. */
function isFramed(producer: PipelineStep | undefined, consumer: PipelineStep, context: StepContext): boolean {
  return producer !== undefined && runtimeOf(producer, context) === 'node' && runtimeOf(consumer, context) === 'node';
}

/** An exec step on plain streams needs no Node beside it: at most one input and one output, and none that must be decoded. */
function runtimeOf(step: PipelineStep, context: StepContext): 'node' | 'native' {
  if (step.use !== 'exec') return 'node';
  const isPlain = (format: string | undefined): boolean =>
    format === undefined || format === 'ndjson' || format === 'text';
  const sources = context.sources.filter((source) => step.from?.includes(source.declared.name) === true);
  const sinks = context.sinks.filter((sink) => sink.declared.from === step.name);
  const consumers = context.steps.filter((other) => other.from?.includes(step.name) === true);
  const plain =
    (step.from?.length ?? 0) <= 1 &&
    sinks.length + consumers.length <= 1 &&
    sources.every((source) => isPlain(source.declared.format) && source.declared.contract === undefined) &&
    sinks.every((sink) => isPlain(sink.declared.format));
  return plain ? 'native' : 'node';
}

/** The contract a source is checked against as it is read: its own, unless a validate step does that. */
function contractAsRead(source: PipelineSource, context: StepContext): ContractRef | undefined {
  if (source.contract === undefined) return undefined;
  const readers = context.steps.filter((step) => step.from?.includes(source.name) === true);
  if (readers.length > 1) {
    const names = readers.map((step) => step.name).join(', ');
    context.report(
      `${context.path}.from`,
      `source "${source.name}" has a contract and several readers (${names}), so its bad records would be counted more than once: put one validate step behind it`,
    );
  }
  return contractRef(
    source.contract,
    `spec.sources[${context.sources.findIndex((other) => other.declared === source)}].contract`,
    context,
  );
}

/** The contract of a validate step: the one it names, else that of the source before it. */
function validated(context: StepContext): ContractRef | undefined {
  const { step, path, report } = context;
  const named = step.with?.['contract'];
  if (typeof named === 'string') return contractRef(named, `${path}.with.contract`, context);
  const sources = context.sources.filter((source) => step.from?.includes(source.declared.name) === true);
  const references = new Set(sources.map((source) => source.declared.contract));
  const [reference] = references;
  if (references.size !== 1 || reference === undefined || sources.length !== step.from?.length) {
    report(`${path}.with.contract`, 'is required: the inputs are not sources with one and the same contract');
    return undefined;
  }
  return contractRef(reference, `${path}.from`, context);
}

function contractRef(reference: string, path: string, context: StepContext): ContractRef | undefined {
  const found = context.seen.contract(reference);
  if (!('problem' in found)) return { contract: found.object, schemaHash: found.schemaHash };
  context.report(path, found.problem);
  return undefined;
}

function limits(
  context: StepContext,
  runtime: 'node' | 'native',
): Pick<PlanStep, 'cpuMillis' | 'cpuLimitMillis' | 'memoryBytes' | 'pids'> {
  const { step, path, seen, report } = context;
  const named = sliceSize(step.resources ?? {});
  for (const { resource, message } of named.problems) report(`${path}.resources.${resource}`, message);
  const defaults = sliceSize(seen.slices?.defaults ?? {}).amounts;
  const minimum = sliceSize(seen.slices?.minimum ?? {}).amounts;
  const amountOf = (resource: SliceResource, otherwise: number): number => {
    const amount = named.amounts.get(resource);
    const least = minimum.get(resource) ?? 0;
    // What nobody named is made to fit; what somebody named is not changed behind their back.
    if (amount === undefined) return Math.max(defaults.get(resource) ?? otherwise, least);
    if (amount < least) {
      const words = `step "${step.name}" names ${step.resources?.[resource] ?? ''}, and slices of this herd have at least ${seen.slices?.minimum?.[resource] ?? ''}`;
      report(`${path}.resources.${resource}`, `${words} (spec.slices.minimum.${resource} of the Herd)`);
    }
    return amount;
  };
  const cpuMillis = amountOf('cpu', cpuMillisDefault);
  const memoryBytes = amountOf('memory', memoryBytesDefault[runtime]);
  if (cpuMillis < cpuMillisMin) report(`${path}.resources.cpu`, `must be at least ${cpuMillisMin}m`);
  if (memoryBytes < memoryBytesMin[runtime]) {
    report(`${path}.resources.memory`, `must be at least ${memoryBytesMin[runtime] / 1024 ** 2}Mi for this step`);
  }
  const isCpuNamed = named.amounts.has('cpu') || defaults.has('cpu');
  return {
    cpuMillis,
    cpuLimitMillis: isCpuNamed ? cpuMillis : Math.max(cpuLimitMillisDefault, cpuMillis),
    memoryBytes,
    pids: amountOf('pids', pidsDefault[runtime]),
  };
}
