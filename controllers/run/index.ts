import { kinds } from '../../apis/index.ts';
import { Controller, type ControllerContext, keyOf, refOfKey } from '../kit/index.ts';
import { RunReconciler } from './reconcile.ts';

/** Runs of many herds are looked at side by side. */
const workers = 4;

/** Makes, repeats and ends the slices of runs, and keeps Run.status. */
export function runController(context: ControllerContext): Controller {
  const runs = context.informers.of(kinds.runs);
  const slices = context.informers.of(kinds.slices);
  slices.addIndexer('run', (slice) => [`${slice.metadata.namespace}/${slice.spec.run}`]);
  const reconciler = new RunReconciler({ ...context, runs, slices });
  return new Controller(context, {
    name: 'run',
    workers,
    reconcile: (key, signal) => reconciler.reconcile(refOfKey(key), signal),
  })
    .watch(runs, (run) => [keyOf(run)])
    .watch(slices, (slice) => [`${slice.metadata.namespace}/${slice.spec.run}`]);
}
