import { type ApiObject, type Kind, kinds, type Run, type Slice } from '../../apis/index.ts';
import { Controller, type ControllerContext, isEnded, keyOf, orGone, type Result, refOfKey } from '../kit/index.ts';
import { eventGoesInMs, oldRuns, sliceGoesInMs } from './plan.ts';

/** A finished slice that its run has not taken in is looked at again after so long. */
const unfoldedMs = 5_000;

/** Deletes finished slices when their run has taken in what they did and a minute has passed. */
export function sliceTtlController(context: ControllerContext): Controller {
  const { clock, informers } = context;
  const slices = informers.of(kinds.slices);
  const runs = informers.of(kinds.runs);
  const reconcile = async (key: string): Promise<Result> => {
    const slice = slices.get(refOfKey(key));
    if (slice === undefined || !isEnded(slice)) return {};
    const inMs = sliceGoesInMs(slice, runs.get(refOfKey(runKeyOf(slice))), clock.now());
    // Runs change often and have many slices: they are asked when the time comes instead of being followed.
    return inMs === undefined ? { requeueAfterMs: unfoldedMs } : removeIn(context, kinds.slices, slice, inMs);
  };
  const controller = new Controller(context, { name: 'slice-ttl', reconcile, workers: 4 });
  return controller.watch(slices, (slice) => (isEnded(slice) ? [keyOf(slice)] : [])).watch(runs, () => []);
}

/** Deletes Events an hour after they last happened. */
export function eventTtlController(context: ControllerContext): Controller {
  const events = context.informers.of(kinds.events);
  const reconcile = (key: string): Promise<Result> => {
    const event = events.get(refOfKey(key));
    const inMs = event === undefined ? undefined : eventGoesInMs(event, context.clock.now());
    return removeIn(context, kinds.events, event, inMs);
  };
  return new Controller(context, { name: 'event-ttl', reconcile }).watch(events, (event) => [keyOf(event)]);
}

/** Deletes all but the newest finished runs of each pipeline. */
export function runHistoryController(context: ControllerContext): Controller {
  const runs = context.informers.of(kinds.runs);
  runs.addIndexer('pipeline', (run) => [pipelineKeyOf(run)]);
  const reconcile = async (key: string): Promise<Result> => {
    for (const run of oldRuns(runs.byIndex('pipeline', key))) await removeIn(context, kinds.runs, run, 0);
    return {};
  };
  return new Controller(context, { name: 'run-history', reconcile }).watch(runs, (run) => [pipelineKeyOf(run)]);
}

async function removeIn<T extends ApiObject>(
  { client }: ControllerContext,
  kind: Kind<T>,
  object: T | undefined,
  inMs: number | undefined,
): Promise<Result> {
  if (object === undefined || inMs === undefined) return {};
  if (inMs > 0) return { requeueAfterMs: inMs };
  if (object.metadata.deletionTimestamp !== undefined) return {};
  const { uid = '' } = object.metadata;
  const options = { propagationPolicy: 'Background', preconditions: { uid } } as const;
  await orGone(client.delete(kind, refOfKey(keyOf(object)), options));
  return {};
}

const runKeyOf = ({ metadata: { namespace = '' }, spec }: Slice): string => `${namespace}/${spec.run}`;
const pipelineKeyOf = ({ metadata: { namespace = '' }, spec }: Run): string => `${namespace}/${spec.pipeline.name}`;
