export type { ControllerContext } from './context.ts';
export {
  Controller,
  type ControllerDeps,
  type ControllerOptions,
  type Reconcile,
  type Result,
} from './controller.ts';
export { customKinds, servedKindOf } from './custom-kinds.ts';
export { type Followed, FollowedKinds, type FollowListener } from './followed-kinds.ts';
export { Informers, type Selection } from './informers.ts';
export {
  epochOf,
  type Lead,
  LeaderElection,
  type LeaderElectionDeps,
  type LeaderElectionOptions,
} from './leader-election.ts';
export { isHerdGoing, makeFor } from './make.ts';
export { isEnded, keyOf, orGone, refOfKey, timestamp } from './objects.ts';
export { EventRecorder, type EventRecorderDeps } from './recorder.ts';
