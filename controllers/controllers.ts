import { garbageCollector } from './garbage-collection/index.ts';
import { herdController } from './herd/index.ts';
import { type Controller, type ControllerContext, FollowedKinds } from './kit/index.ts';
import { nodeLifecycleController } from './node-lifecycle/index.ts';
import { pipelineController } from './pipeline/index.ts';
import { runController } from './run/index.ts';
import { Scheduler } from './scheduler/index.ts';
import { eventTtlController, runHistoryController, sliceTtlController } from './ttl/index.ts';

/** Runs every controller of this process until `signal` aborts. Throws only what is a bug in one of them. */
export async function runControllers(context: ControllerContext, epoch: string, signal: AbortSignal): Promise<void> {
  const controllers: readonly { run(signal: AbortSignal): Promise<void> }[] = [
    ...plainControllers(context),
    new Scheduler(context, epoch),
  ];
  await Promise.all(controllers.map((controller) => controller.run(signal)));
}

function plainControllers(context: ControllerContext): readonly Controller[] {
  const followed = new FollowedKinds(context.informers);
  return [
    herdController(context, followed),
    pipelineController(context),
    runController(context),
    nodeLifecycleController(context),
    garbageCollector(context, followed),
    sliceTtlController(context),
    eventTtlController(context),
    runHistoryController(context),
  ];
}
