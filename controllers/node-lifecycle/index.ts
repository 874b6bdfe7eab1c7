export { nodeLifecycleController } from './controller.ts';
export { graceMs, type NodeAction, planNode, type Seen } from './plan.ts';
