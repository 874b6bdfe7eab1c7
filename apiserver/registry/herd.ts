// What is particular to a Herd: it is closed by its deletion, and gone when somebody has emptied it.
import {
  kindInfos,
  quantityMillis,
  resourceOf,
  type StatusCause,
  sliceSize,
  subdomainProblem,
  type Unstructured,
} from '../../apis/index.ts';
import type { Operation } from '../../barn/index.ts';
import { arrayOf, at, recordOf } from '../json.ts';
import * as cause from '../schema/causes.ts';
import { openKey } from '../storage/keys.ts';
import { counterChanges } from './quota.ts';
import type { Change, Strategy } from './strategy.ts';

/** Finalizer in `spec.finalizers` of every herd; the herd controller takes it away when the herd is empty. */
export const herdFinalizer = 'kubernetes';

/** The strategy of Herd, and so of Namespace. */
export const herdStrategy: Strategy = {
  onCreate: (herd) => ({
    ...herd,
    spec: { ...recordOf(herd.spec), finalizers: [herdFinalizer] },
    status: { phase: 'Active' },
  }),
  onDelete: (herd) => ({ ...herd, status: { ...recordOf(herd.status), phase: 'Terminating' } }),
  problems: (herd, before) => [...finalizerProblems(herd, before), ...quotaProblems(herd), ...sizeProblems(herd)],
  mayGo: (herd) => arrayOf(at(herd, 'spec.finalizers')).length === 0,
  beside: (change) => [...gate(change), ...counterChanges(change.before, change.after)],
};

function gate({ before, after }: Change): Operation[] {
  const wasOpen = before !== undefined && before.metadata.deletionTimestamp === undefined;
  const isOpen = after !== undefined && after.metadata.deletionTimestamp === undefined;
  const key = openKey((after ?? before)?.metadata.uid ?? '');
  if (wasOpen === isOpen) return [];
  return [isOpen ? { do: 'put', key, value: new Uint8Array() } : { do: 'delete', key }];
}

function finalizerProblems(herd: Unstructured, before: Unstructured | undefined): StatusCause[] {
  if (before === undefined || before.metadata.deletionTimestamp !== undefined) return [];
  const kept = arrayOf(at(herd, 'spec.finalizers'));
  return arrayOf(at(before, 'spec.finalizers')).every((name) => kept.includes(name))
    ? []
    : [cause.forbidden('spec.finalizers', 'can be removed only from a herd that is being deleted')];
}

function quotaProblems(herd: Unstructured): StatusCause[] {
  return Object.entries(recordOf(at(herd, 'spec.quota.objects'))).flatMap(([name, quantity]) => {
    const field = `spec.quota.objects[${name}]`;
    const resource = /^count\/(.*)$/.exec(name)?.[1];
    if (resource === undefined || subdomainProblem(resource) !== undefined)
      return [cause.invalid(field, name, 'must be count/RESOURCE, or count/RESOURCE.GROUP outside the core group')];
    const shown = kindInfos.find((info) => resourceOf(info) === resource && info.projectionOf !== undefined);
    if (shown !== undefined)
      return [
        cause.invalid(field, name, `${resource} only show objects of kind ${shown.projectionOf ?? ''}: limit those`),
      ];
    // That it is a quantity its schema says.
    const isWhole = quantityMillis(typeof quantity === 'number' ? quantity : String(quantity)) % 1000 === 0;
    return isWhole ? [] : [cause.invalid(field, quantity, 'must be an integer')];
  });
}

/** Defaults that the minimum would refuse. */
function sizeProblems(herd: Unstructured): StatusCause[] {
  const amountsOf = (field: string) => sliceSize(recordOf(at(herd, `spec.slices.${field}`))).amounts;
  const defaults = amountsOf('defaults');
  return [...amountsOf('minimum')].flatMap(([resource, least]) => {
    const field = `spec.slices.defaults.${resource}`;
    return (defaults.get(resource) ?? least) < least
      ? [cause.invalid(field, at(herd, field), `must be at least spec.slices.minimum.${resource}`)]
      : [];
  });
}
