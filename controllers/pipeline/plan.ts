// What follows for a pipeline from its resolution: its status, and the runs that are due. Pure.
import { createHash } from 'node:crypto';
import {
  apiVersionOf,
  type Condition,
  kinds,
  type Pipeline,
  type Run,
  type RunPlan,
  wellKnown,
} from '../../apis/index.ts';
import type { Resolution } from './resolve.ts';

/** A request for a run: `ID`, or JSON `{"id":"ID","parameters":{…}}`, in the annotation runink.io/run-requested. */
export interface RunRequest {
  readonly id: string;
  readonly parameters: Readonly<Record<string, string>>;
}

/** What is to be done for one pipeline, in this order. */
export interface PipelineDecision {
  /** Runs to make; making one that is there already changes nothing. */
  readonly runs: readonly Run[];
  /** Written after the runs are made. */
  readonly status: NonNullable<Pipeline['status']>;
}

/** The request on the pipeline that has not been served yet. */
export function openRequest(pipeline: Pipeline): RunRequest | undefined {
  const text = pipeline.metadata.annotations?.[wellKnown.runRequestedAnnotation];
  if (text === undefined || text === '') return undefined;
  const request = readRequest(text);
  return request.id === pipeline.status?.lastRequest ? undefined : request;
}

/** Decides; `resolve` is called once for each run that is due, with its parameters. */
export function planPipeline(
  pipeline: Pipeline,
  resolve: (parameters: Readonly<Record<string, string>>) => Resolution,
  nowMs: number,
): PipelineDecision {
  const generation = pipeline.metadata.generation ?? 0;
  const before = pipeline.status ?? {};
  const plain = resolve({});
  const request = openRequest(pipeline);
  const runs: Run[] = [];
  const status = {
    ...before,
    observedGeneration: generation,
    conditions: [readyCondition(plain, pipeline, nowMs)],
  };
  if (plain.kind === 'refused') return { runs, status };
  if (pipeline.spec.suspend !== true && before.lastRunGeneration !== generation) {
    runs.push(makeRun(pipeline, plain.plan, `generation/${generation}`));
    status.lastRunGeneration = generation;
  }
  const asked = request === undefined ? undefined : resolve(request.parameters);
  if (request !== undefined && asked?.kind === 'plan') {
    runs.push(makeRun(pipeline, asked.plan, `request/${request.id}`, { [wellKnown.requestLabel]: request.id }));
    status.lastRequest = request.id;
  }
  const lastRun = runs.at(-1)?.metadata.name;
  return { runs, status: lastRun === undefined ? status : { ...status, lastRun } };
}

/** The run for `cause`; its name follows from the cause, so that a repeated decision makes no second one. */
function makeRun(pipeline: Pipeline, plan: RunPlan, cause: string, labels: Readonly<Record<string, string>> = {}): Run {
  const { name = '', namespace = '', uid = '', generation = 0 } = pipeline.metadata;
  return {
    apiVersion: 'runink.io/v1',
    kind: 'Run',
    metadata: {
      name: `${name}-${suffix(`${uid}/${cause}`)}`,
      namespace,
      labels: { [wellKnown.pipelineLabel]: name, ...labels },
      ownerReferences: [
        {
          apiVersion: apiVersionOf(kinds.pipelines),
          kind: 'Pipeline',
          name,
          uid,
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
    },
    spec: { pipeline: { name, uid, generation }, plan },
  };
}

/** Five letters and digits. */
function suffix(text: string): string {
  const number = createHash('sha256').update(text).digest().readUIntBE(0, 6) % 36 ** 5;
  return number.toString(36).padStart(5, '0');
}

function readyCondition(resolution: Resolution, pipeline: Pipeline, nowMs: number): Condition {
  const isReady = resolution.kind === 'plan';
  const status = isReady ? 'True' : 'False';
  const before = pipeline.status?.conditions?.find((condition) => condition.type === 'Ready');
  return {
    type: 'Ready',
    status,
    reason: isReady ? 'Resolved' : 'Refused',
    message: isReady
      ? 'everything it names is there'
      : resolution.problems.map(({ path, message }) => `${path}: ${message}`).join('; '),
    observedGeneration: pipeline.metadata.generation ?? 0,
    lastTransitionTime:
      before?.status === status && before.lastTransitionTime !== undefined
        ? before.lastTransitionTime
        : new Date(nowMs).toISOString(),
  };
}

function readRequest(text: string): RunRequest {
  if (!text.startsWith('{')) return { id: text, parameters: {} };
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && 'id' in value && typeof value.id === 'string') {
      const given =
        'parameters' in value && typeof value.parameters === 'object' ? Object.entries(value.parameters ?? {}) : [];
      return {
        id: value.id,
        parameters: Object.fromEntries(given.map(([name, parameter]) => [name, String(parameter)])),
      };
    }
  } catch {
    // Not JSON after all: then the text is the id.
  }
  return { id: text, parameters: {} };
}
