import {
  type ChangeResult,
  type ConfigurationBase,
  changeSimply,
  enterJoint,
  leaveJoint,
} from './change-configuration.ts';
import { entersJoint, leavesByItself, leavesJoint } from './conf-change.ts';
import type { ConfChange } from './protocol.ts';
import type { Raft } from './raft.ts';

/** What this change would make of the configuration that is active here; nothing is changed yet. */
export function changeOf(raft: Raft, change: ConfChange): ChangeResult {
  const base: ConfigurationBase = {
    ...memberLimits(raft),
    config: raft.tracker.config,
    progress: raft.tracker.progress,
  };
  if (leavesJoint(change)) return leaveJoint(base);
  if (entersJoint(change)) return enterJoint(base, leavesByItself(change), change.changes);
  return changeSimply(base, change.changes);
}

/** What a new member begins with. */
export function memberLimits(raft: Raft): Omit<ConfigurationBase, 'config' | 'progress'> {
  return {
    lastIndex: raft.log.lastIndex(),
    inflightCountMax: raft.settings.maxInflightMsgs,
    inflightBytesMax: raft.settings.maxInflightBytes,
  };
}
