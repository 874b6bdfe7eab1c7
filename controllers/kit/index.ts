export type { ControllerContext } from './context.ts';
export {
  Controller,
  type ControllerDeps,
  type ControllerOptions,
  keyOf,
  type Reconcile,
  type Result,
  refOfKey,
} from './controller.ts';
export { Informers, type Selection } from './informers.ts';
export {
  epochOf,
  type Lead,
  LeaderElection,
  type LeaderElectionDeps,
  type LeaderElectionOptions,
} from './leader-election.ts';
export { EventRecorder, type EventRecorderDeps } from './recorder.ts';
