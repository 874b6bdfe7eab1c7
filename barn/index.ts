export * from './barn.ts';
export { type EmbeddedBarnOptions, openEmbeddedBarn } from './embedded.ts';
export { type EtcdBarnOptions, openEtcdBarn } from './etcd.ts';
export { type BarnLimits, defaultLimits } from './limits.ts';
export { createMemoryBarn, type MemoryBarnOptions } from './memory.ts';
export { openLevelDisk } from './state/level-disk.ts';
export type { Founding, MemberRecord } from './state/machine.ts';
export { type RestoreOptions, restoreSnapshot } from './state/restore.ts';
export { type SnapshotSummary, verifySnapshot } from './state/verify-snapshot.ts';
