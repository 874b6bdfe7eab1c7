import { type BarnLimits, defaultLimits } from '../../barn/index.ts';
import type { FlowLimits } from '../../barn/node/flow-limits.ts';
import type { KeptLimits } from '../../barn/node/log-release.ts';
import type { MemberTimers } from '../../barn/node/member.ts';
import type { WriterTimers } from '../../barn/state/lagging-writer.ts';
import type { WalLimits } from '../../barn/wal/limits.ts';
import type { Chance } from './chance.ts';

/** Shorter than the product's by a factor of five to ten: more happens in an hour of virtual time. */
export const simTimers: MemberTimers = { heartbeatMs: 20, electionMs: 200, requestMs: 1_500, leaderlessMs: 2_000 };

/** Bounds of the log and of its way to the others, by seed: small, so that all are met within seconds. */
export function logLimitsOf(chance: Chance): Partial<WalLimits & KeptLimits & FlowLimits> {
  return {
    segmentBytes: chance.pick([8, 16, 64]) * 1024,
    sparesMax: 2,
    keptEntries: chance.pick([10, 30, 100]),
    keptBytes: 16 * 1024,
    stepEntries: chance.pick([1, 10]),
    messageBytesMax: chance.pick([1, 200, 2_000, 1024 * 1024]),
    inflightMessagesMax: chance.pick([1, 4, 256]),
    applyingBytesMax: chance.pick([500, 5_000, 1024 * 1024]),
    uncommittedBytesMax: chance.pick([4_000, 64 * 1024 * 1024]),
  };
}

/** The state is synced often, so that the log is released often. */
export const simWriterTimers: Partial<WriterTimers> = { batchMs: 5, syncMs: 150 };

/** Few records are sealed anew with a batch, so that a change of keys is cut short now and then. */
export const simResealing: Partial<WriterTimers> = { choresPerBatch: 5, backlogBytesPerBatch: 1_000 };

/** The history is bounded so tightly that the leader compacts by itself now and then. */
export const simLimits: BarnLimits = { ...defaultLimits, historyBytesMax: 48 * 1024 };
