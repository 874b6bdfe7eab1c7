export { eventTtlController, runHistoryController, sliceTtlController } from './controller.ts';
export { eventGoesInMs, eventMs, oldRuns, runsKept, sliceGoesInMs, sliceMs } from './plan.ts';
