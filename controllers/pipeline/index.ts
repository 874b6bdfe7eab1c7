import { type ApiObject, kinds } from '../../apis/index.ts';
import { Controller, type ControllerContext, keyOf, refOfKey } from '../kit/index.ts';
import { PipelineReconciler } from './reconcile.ts';

/** Resolves pipelines and makes the runs that are due. */
export function pipelineController(context: ControllerContext): Controller {
  const { informers } = context;
  const pipelines = informers.of(kinds.pipelines);
  const contracts = informers.of(kinds.contracts);
  const bundles = informers.of(kinds.bundles);
  const secrets = informers.of(kinds.secrets, { metadataOnly: true });
  const herds = informers.of(kinds.herds);
  const reconciler = new PipelineReconciler({ ...context, pipelines, contracts, bundles, secrets, herds });
  const waitingFor = (object: ApiObject): readonly string[] =>
    reconciler.waiting(object.metadata.namespace ?? '').map(({ namespace, name }) => `${namespace}/${name}`);
  return new Controller(context, {
    name: 'pipeline',
    reconcile: (key, signal) => reconciler.reconcile(refOfKey(key), signal),
  })
    .watch(pipelines, (pipeline) => [keyOf(pipeline)])
    .watch(contracts, waitingFor)
    .watch(bundles, waitingFor)
    .watch(secrets, waitingFor)
    .watch(herds, (herd) =>
      reconciler.waiting(herd.metadata.name ?? '').map(({ namespace, name }) => `${namespace}/${name}`),
    );
}
