export * from './barn.ts';
export { type EmbeddedBarnOptions, openEmbeddedBarn } from './embedded.ts';
export { type BarnLimits, defaultLimits } from './limits.ts';
export { createMemoryBarn, type MemoryBarnOptions } from './memory.ts';
export { type SnapshotSummary, verifySnapshot } from './state/verify-snapshot.ts';
