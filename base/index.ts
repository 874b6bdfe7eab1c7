export { assert, InvariantError, present, unreachable } from './assert.ts';
export { type Clock, sleep, systemClock, type Timer } from './clock.ts';
export { type Log, type LogFields, silentLog, systemLog } from './log.ts';
export { ManualClock } from './manual-clock.ts';
export { exitOnStdinEofVariable, watchParent } from './parent-watch.ts';
export { type Random, seededRandom, systemRandom } from './random.ts';
