export * from './model.ts';
export { schedule } from './schedule.ts';
export { Scheduler } from './scheduler.ts';
