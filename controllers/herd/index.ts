export { herdController } from './controller.ts';
export { type HerdAction, type Leftover, planHerd } from './plan.ts';
