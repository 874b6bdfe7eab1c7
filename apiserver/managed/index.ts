export { type Application, type Applied, applyConfiguration } from './apply.ts';
export { configurationProblem } from './check.ts';
export { conflictError } from './conflict.ts';
export { onlyTimesDiffer } from './entries.ts';
export { applyBesideAnnotation } from './last-applied.ts';
export { managerOf, managerProblems, ownerProblems } from './manager.ts';
export { merge } from './merge.ts';
export { afterUpdate, type ManagedFields, type Writer } from './update.ts';
