import { type BarnLimits, defaultLimits } from '../../barn/index.ts';
import type { KeptLimits } from '../../barn/node/log-release.ts';
import type { MemberTimers } from '../../barn/node/member.ts';
import type { WriterTimers } from '../../barn/state/lagging-writer.ts';
import type { WalLimits } from '../../barn/wal/limits.ts';

/** Shorter than the product's by a factor of five to ten: more happens in an hour of virtual time. */
export const simTimers: MemberTimers = { heartbeatMs: 20, electionMs: 200, requestMs: 1_500, leaderlessMs: 2_000 };

/** Small enough that segments change, files are used again and snapshots are needed within seconds. */
export const simLogLimits: Partial<WalLimits & KeptLimits> = {
  segmentBytes: 16 * 1024,
  sparesMax: 2,
  keptEntries: 30,
  keptBytes: 16 * 1024,
  stepEntries: 10,
};

/** The state is synced often, so that the log is released often. */
export const simWriterTimers: Partial<WriterTimers> = { batchMs: 5, syncMs: 150 };

/** The history is bounded so tightly that the leader compacts by itself now and then. */
export const simLimits: BarnLimits = { ...defaultLimits, historyBytesMax: 48 * 1024 };
