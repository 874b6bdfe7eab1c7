export { assert, InvariantError, present, unreachable } from './assert.ts';
export { type BackoffOptions, backoffMs, ceilingMs } from './backoff.ts';
export { type Clock, sleep, systemClock, type Timer } from './clock.ts';
export { abortOnSignals, Interrupted, Lifetime, type SignalSource, whenAborted } from './lifecycle.ts';
export { type Log, type LogFields, silentLog, systemLog } from './log.ts';
export { ManualClock } from './manual-clock.ts';
export { exitOnStdinEofVariable, watchParent } from './parent-watch.ts';
export { type Random, seededRandom, systemRandom } from './random.ts';
export { runWorkers, WorkQueue, type WorkQueueMetrics, type WorkQueueOptions } from './work-queue.ts';
