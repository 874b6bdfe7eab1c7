// Pod is Slice under Kubernetes' name: one attempt at one step, which is its only container. What the slice runs, with which
// environment and secrets, stands in the run's plan and is not shown.
import { apiVersionOf, kinds, type Unstructured } from '../../../apis/index.ts';
import { at, textOf } from '../../json.ts';
import { derivedUid } from './derived-uid.ts';
import { podStatus, type SliceFacts } from './pod-status.ts';

/** In the place of an image: there is none. */
export const podImage = 'runink.io/step';

/** A slice as a Pod. */
export function podFromSlice(slice: Unstructured): Unstructured {
  const { generation: _generation, managedFields: _managers, uid = '', ...metadata } = slice.metadata;
  const nodeName = textOf(at(slice, 'spec.nodeName'));
  const facts = factsOf(slice);
  const { limits, requests } = resourcesOf(slice);
  return {
    apiVersion: apiVersionOf(kinds.pods),
    kind: kinds.pods.kind,
    metadata: { ...metadata, uid: derivedUid(uid) },
    spec: {
      ...(nodeName === undefined ? {} : { nodeName }),
      restartPolicy: 'Never',
      terminationGracePeriodSeconds: 0,
      containers: [{ name: facts.step, image: podImage, resources: { limits, requests } }],
    },
    status: podStatus(facts, podImage),
  };
}

/** The name of the container that a slice is as a Pod. */
export function containerOf(slice: Unstructured): string {
  return textOf(at(slice, 'spec.step')) ?? '';
}

function factsOf(slice: Unstructured): SliceFacts {
  const text = (path: string): string | undefined => textOf(at(slice, path));
  return {
    step: containerOf(slice),
    attempt: numberAt(slice, 'spec.attempt') ?? 1,
    isBound: text('spec.nodeName') !== undefined,
    phase: text('status.phase') ?? 'Pending',
    reason: text('status.reason'),
    message: text('status.message'),
    createdAt: slice.metadata.creationTimestamp,
    startedAt: text('status.startTime'),
    endedAt: text('status.completionTime'),
    exitCode: numberAt(slice, 'status.exitCode'),
    signal: numberAt(slice, 'status.signal'),
  };
}

function resourcesOf(slice: Unstructured) {
  const cpuMillis = numberAt(slice, 'spec.cpuMillis');
  const memoryBytes = numberAt(slice, 'spec.memoryBytes');
  const memory = memoryBytes === undefined ? {} : { memory: bytesQuantity(memoryBytes) };
  const cpu = cpuMillis === undefined ? {} : { cpu: millisQuantity(cpuMillis) };
  return { limits: memory, requests: { ...cpu, ...memory } };
}

// As Kubernetes writes them: in the largest unit that leaves a whole number.
function millisQuantity(millis: number): string {
  return millis % 1000 === 0 ? String(millis / 1000) : `${millis}m`;
}

function bytesQuantity(bytes: number): string {
  const unit = (['Gi', 'Mi', 'Ki'] as const).find((name) => bytes >= unitBytes[name] && bytes % unitBytes[name] === 0);
  return unit === undefined ? String(bytes) : `${bytes / unitBytes[unit]}${unit}`;
}

const unitBytes = { Ki: 1024, Mi: 1024 ** 2, Gi: 1024 ** 3 } as const;

function numberAt(value: unknown, path: string): number | undefined {
  const found = at(value, path);
  return typeof found === 'number' ? found : undefined;
}
