import { type SliceResource, type StatusCause, sliceSize, type Unstructured } from '../../apis/index.ts';
import { arrayOf, at, recordOf, textOf } from '../json.ts';
import { invalid } from '../schema/causes.ts';
import type { ObjectStore } from '../storage/object-store.ts';

const planFields: Readonly<Record<SliceResource, string>> = { cpu: 'cpuMillis', memory: 'memoryBytes', pids: 'pids' };

/** Steps of a new run that would be smaller than slices of its herd may be. A plan that was taken stays good. */
export async function runProblems(store: ObjectStore, run: Unstructured): Promise<readonly StatusCause[]> {
  const herd = await store.herd(run.metadata.namespace ?? '');
  const minimum = recordOf(herd === undefined ? undefined : at(herd.object, 'spec.slices.minimum'));
  return smallSteps(run, minimum);
}

/** As `runProblems`; `minimum` is `spec.slices.minimum` of the Herd. */
export function smallSteps(run: Unstructured, minimum: Readonly<Record<string, unknown>>): StatusCause[] {
  const least = [...sliceSize(minimum).amounts];
  if (least.length === 0) return [];
  return arrayOf(at(run, 'spec.plan.steps')).flatMap((step, index) =>
    least.flatMap(([resource, amount]) => {
      const field = planFields[resource];
      const given = at(step, field);
      if (typeof given === 'number' && given >= amount) return [];
      const words = `step "${textOf(at(step, 'name')) ?? ''}": slices of this herd have at least ${String(minimum[resource])} (spec.slices.minimum.${resource} of the Herd)`;
      return [invalid(`spec.plan.steps[${index}].${field}`, given ?? null, words)];
    }),
  );
}
