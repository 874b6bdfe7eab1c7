export { garbageCollector } from './controller.ts';
export { type GarbageAction, type OwnerState, planGarbage, type Seen } from './plan.ts';
