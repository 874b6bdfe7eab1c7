// From the Run's plan to what the spawner and the slice are told. Pure: everything fetched comes in.
import { posix } from 'node:path';
import type { PlanGroup, PlanInput, PlanOutput, PlanStep, Run } from '../apis/index.ts';
import { present } from '../base/index.ts';
import type { ContractSpec, InputSpec, OutputSpec, SliceSpec } from '../runi-slice/protocol/index.ts';
import { edgeId, type GroupId, stagingId } from './ids.ts';
import type { LaunchRequest, PublishRequest, SliceView, Slot, StagingRef, StdioTarget } from './spawner.ts';

/** A record longer than this is a dead letter. */
const recordBytesMaxDefault = 16 * 1024 * 1024;
/** Memory of a slice that is Node itself and not its heap: code, stacks, buffers of the streams. */
const nodeOverheadBytes = 48 * 1024 * 1024;
const heapMiBMin = 24;

/** What a slice needs beside the plan. */
export interface Materials {
  readonly herdUid: string;
  /** By the name of the Contract object. */
  readonly contracts: ReadonlyMap<string, ContractSpec>;
  /** Values by secret and key. */
  readonly secrets: ReadonlyMap<string, ReadonlyMap<string, Uint8Array>>;
  /** Where a program named without a slash lies, as the slice sees it. */
  readonly findProgram: (name: string) => string;
}

/** Which slice a launch is for. */
export interface SliceIdentity {
  readonly slot: Slot;
  readonly slice: string;
  readonly step: string;
  readonly group: GroupId;
}

/** Something in the plan that cannot be done on this node; `reason` is the slice's. */
export class LaunchError extends Error {
  override readonly name = 'LaunchError';
  readonly reason: string;

  constructor(reason: string, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.reason = reason;
  }
}

/** The step of that name in the run's plan. */
export function planStepOf(run: Run, name: string): PlanStep {
  const step = run.spec.plan.steps.find((candidate) => candidate.name === name);
  if (step === undefined) throw new LaunchError('InvalidPlan', `the plan of run ${nameOf(run)} has no step "${name}"`);
  return step;
}

/** The group of that name in the run's plan. */
export function planGroupOf(run: Run, name: string): PlanGroup {
  const group = run.spec.plan.groups.find((candidate) => candidate.name === name);
  if (group === undefined)
    throw new LaunchError('InvalidPlan', `the plan of run ${nameOf(run)} has no group "${name}"`);
  return group;
}

/** The request for one slice. */
export function launchRequestOf(id: SliceIdentity, run: Run, view: SliceView, materials: Materials): LaunchRequest {
  const step = planStepOf(run, id.step);
  const native = step.runtime === 'native' ? nativeProgram(id, step, view, materials) : undefined;
  return {
    slot: id.slot,
    herdUid: materials.herdUid,
    argv: native?.argv ?? nodeArgv(step, view),
    env: environmentOf(id, run, step, view, materials),
    stdin: native?.stdin ?? 'null',
    stdout: native?.stdout ?? 'log',
    limits: {
      memoryBytesMax: step.memoryBytes,
      cpuMillis: step.cpuLimitMillis,
      pidsMax: step.pids,
    },
    volumes: [...new Set(step.inputs.flatMap((input) => (input.kind === 'file' ? [volumeOf(input)] : [])))],
    staging: stagingOf(id.group, run, materials.herdUid, step),
    edgesIn: step.inputs.filter(isEdge).map((input) => edgeOf(id, input)),
    edgesOut: step.outputs.filter(isEdge).map((output) => edgeOf(id, output)),
    secrets: secretFiles(step, materials),
    ...(step.bundleHash === undefined ? {} : { bundle: step.bundleHash }),
    fullProc: step.use === 'exec',
  };
}

/** What the agent's first frame tells a slice of runtime node. */
export function sliceSpecOf(id: SliceIdentity, run: Run, view: SliceView, materials: Materials): SliceSpec {
  const step = planStepOf(run, id.step);
  const letters = planGroupOf(run, step.group).deadLetters;
  const contract = contractOf(step.contract, materials);
  return {
    herd: id.group.herd,
    pipeline: run.spec.pipeline.name,
    run: nameOf(run),
    step: step.name,
    slice: id.slice,
    attempt: id.group.attempt,
    use: step.use,
    with: withOf(step, view),
    inputs: inputSpecs(step, view, materials),
    outputs: outputSpecs(step, view),
    ...(letters === undefined ? {} : { deadLetters: { path: posix.join(view.stage(letters.volume), 'dead-letters') } }),
    ...(contract === undefined ? {} : { contract }),
    ...(step.use === 'module'
      ? { module: { path: posix.join(view.step, 'index.mjs'), export: step.export ?? 'default' } }
      : {}),
    parameters: run.spec.plan.parameters ?? {},
    secrets: view.secrets,
    memoryBytesMax: step.memoryBytes,
    recordBytesMax: Math.min(recordBytesMaxDefault, Math.floor(step.memoryBytes / 8)),
  };
}

/** Everything a group's success makes visible, one request for each volume; dead letters last. */
export function publishRequestsOf(group: GroupId, run: Run, herdUid: string): PublishRequest[] {
  const files = new Map<string, { readonly staged: string; readonly target: string }[]>();
  const add = (volume: string, staged: string, target: string): void => {
    files.set(volume, [...(files.get(volume) ?? []), { staged, target }]);
  };
  const steps = run.spec.plan.steps.filter((step) => step.group === group.group);
  for (const output of steps.flatMap((step) => step.outputs))
    if (!isEdge(output)) add(volumeOf(output), `sink-${sinkOf(output)}`, pathOf(output));
  const letters = planGroupOf(run, group.group).deadLetters;
  // Programs on plain streams reject nothing and make no such file.
  if (letters !== undefined && steps.some((step) => step.runtime === 'node'))
    add(letters.volume, 'dead-letters', letters.path);
  return [...files].map(([volume, listed]) => ({
    staging: { herdUid, volume, id: stagingId(group) },
    files: listed,
  }));
}

function stagingOf(group: GroupId, run: Run, herdUid: string, step: PlanStep): StagingRef[] {
  const letters = step.runtime === 'node' ? planGroupOf(run, group.group).deadLetters : undefined;
  const volumes = step.outputs.flatMap((output) => (isEdge(output) ? [] : [volumeOf(output)]));
  if (letters !== undefined) volumes.push(letters.volume);
  return [...new Set(volumes)].map((volume) => ({ herdUid, volume, id: stagingId(group) }));
}

function inputSpecs(step: PlanStep, view: SliceView, materials: Materials): InputSpec[] {
  const edges = step.inputs.filter(isEdge);
  return step.inputs.map((input) => {
    if (isEdge(input)) {
      const path = view.edgeIn(edges.indexOf(input));
      return { kind: 'edge', name: input.name, path, framed: input.framed === true };
    }
    const contract = contractOf(input.contract, materials);
    return {
      kind: 'file',
      name: input.name,
      path: posix.join(view.data(volumeOf(input)), pathOf(input)),
      uri: input.uri ?? `file://${volumeOf(input)}/${pathOf(input)}`,
      format: input.format ?? 'ndjson',
      ...(contract === undefined ? {} : { contract }),
    };
  });
}

function outputSpecs(step: PlanStep, view: SliceView): OutputSpec[] {
  const edges = step.outputs.filter(isEdge);
  return step.outputs.map((output) =>
    isEdge(output)
      ? { kind: 'edge', path: view.edgeOut(edges.indexOf(output)), framed: output.framed === true }
      : {
          kind: 'file',
          path: stagedPath(output, view),
          uri: output.uri ?? `file://${volumeOf(output)}/${pathOf(output)}`,
          format: output.format ?? 'ndjson',
        },
  );
}

function nativeProgram(
  id: SliceIdentity,
  step: PlanStep,
  view: SliceView,
  materials: Materials,
): { readonly argv: readonly string[]; readonly stdin: StdioTarget; readonly stdout: StdioTarget } {
  const [program, ...rest] = commandOf(step, view);
  if (program === undefined)
    throw new LaunchError('InvalidPlan', `step "${step.name}": with.command is not a list of a program and arguments`);
  const [input, output] = [step.inputs[0], step.outputs[0]];
  if (step.inputs.length > 1 || step.outputs.length > 1)
    throw new LaunchError('InvalidPlan', `step "${id.step}": a native step has at most one input and one output`);
  return {
    argv: [program.includes('/') ? program : materials.findProgram(program), ...rest],
    stdin: input === undefined ? 'null' : { path: isEdge(input) ? view.edgeIn(0) : dataPath(input, view) },
    stdout: output === undefined ? 'log' : { path: isEdge(output) ? view.edgeOut(0) : stagedPath(output, view) },
  };
}

function nodeArgv(step: PlanStep, view: SliceView): readonly string[] {
  // Node sizes its heap from the host's memory, not from the limit.
  const heapMiB = Math.max(heapMiBMin, Math.floor(((step.memoryBytes - nodeOverheadBytes) * 0.6) / 1024 ** 2));
  return [view.node, `--max-old-space-size=${heapMiB}`, view.program, '--control', view.controlSocket];
}

function environmentOf(
  id: SliceIdentity,
  run: Run,
  step: PlanStep,
  view: SliceView,
  materials: Materials,
): Record<string, string> {
  const env: Record<string, string> = {
    PATH: '/usr/bin:/bin',
    HOME: view.tmp,
    TMPDIR: view.tmp,
    LANG: 'C.UTF-8',
    RUNINK_HERD: id.group.herd,
    RUNINK_RUN: nameOf(run),
    RUNINK_STEP: step.name,
    RUNINK_ATTEMPT: String(id.group.attempt),
    RUNINK_SECRETS: view.secrets,
    RUNINK_BUNDLE: view.step,
  };
  for (const { name, value } of step.env ?? []) env[name] = value;
  for (const secret of step.secrets ?? []) {
    if (secret.env === undefined) continue;
    env[secret.env] = Buffer.from(secretValue(secret.name, secret.key ?? '', materials)).toString('utf8');
  }
  return env;
}

function secretFiles(step: PlanStep, materials: Materials): LaunchRequest['secrets'] {
  return (step.secrets ?? []).flatMap((secret) => {
    if (secret.env !== undefined) return [];
    const values = present(materials.secrets.get(secret.name), `secret ${secret.name}`);
    const keys = secret.key === undefined ? [...values.keys()] : [secret.key];
    return keys.map((key) => ({ path: `${secret.name}/${key}`, bytes: secretValue(secret.name, key, materials) }));
  });
}

function secretValue(name: string, key: string, materials: Materials): Uint8Array {
  const bytes = materials.secrets.get(name)?.get(key);
  if (bytes === undefined) throw new LaunchError('SecretNotFound', `secret "${name}" has no key "${key}"`);
  return bytes;
}

function contractOf(name: string | undefined, materials: Materials): ContractSpec | undefined {
  return name === undefined ? undefined : present(materials.contracts.get(name), `contract ${name}`);
}

// Without isolation /step and /run/secrets lie elsewhere; arguments that name them are led there.
function commandOf(step: PlanStep, view: SliceView): readonly string[] {
  const command = step.with?.['command'];
  if (!Array.isArray(command) || !command.every((word) => typeof word === 'string')) return [];
  return command.map((word) => viewed(viewed(word, '/step', view.step), '/run/secrets', view.secrets));
}

function viewed(word: string, from: string, to: string): string {
  return word === from || word.startsWith(`${from}/`) ? to + word.slice(from.length) : word;
}

function withOf(step: PlanStep, view: SliceView): Readonly<Record<string, unknown>> {
  return step.use === 'exec' ? { ...step.with, command: commandOf(step, view) } : (step.with ?? {});
}

type Place = PlanInput | PlanOutput;
const isEdge = (place: Place): boolean => place.kind === 'edge';
const nameOf = (run: Run): string => run.metadata.name ?? '';
const edgeOf = (id: SliceIdentity, place: Place): string =>
  edgeId(id.group.runUid, present(place.edge, 'edge of a pipe'), id.group.attempt);
const volumeOf = (place: Place): string => present(place.volume, 'volume of a file');
const pathOf = (place: Place): string => present(place.path, 'path of a file');
const sinkOf = (output: PlanOutput): string => present(output.sink, 'name of a sink');
const dataPath = (input: PlanInput, view: SliceView): string => posix.join(view.data(volumeOf(input)), pathOf(input));
const stagedPath = (output: PlanOutput, view: SliceView): string =>
  posix.join(view.stage(volumeOf(output)), `sink-${sinkOf(output)}`);
