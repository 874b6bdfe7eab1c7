// What a leader takes into the log, and when it takes a change of the configuration.
import { appendEntries, type EntryContent } from './append-entries.ts';
import { changeOf } from './apply-conf-change.ts';
import { isJoint } from './change-configuration.ts';
import { decodeConfChange, leavesJoint } from './conf-change.ts';
import { type ConfChange, RaftError, type RaftReason } from './protocol.ts';
import type { Raft } from './raft.ts';
import { broadcastAppend } from './replication.ts';

const noData = new Uint8Array(0);

/** Appends and sends. A change of the configuration that cannot be made now becomes an empty entry. Refused as ProposalDropped. */
export function proposeAsLeader(raft: Raft, proposed: readonly EntryContent[]): RaftReason | undefined {
  // A leader that was removed does not lead its successors' log on; one that hands over must let the other catch up.
  if (raft.tracker.get(raft.id) === undefined || raft.transferee !== 0) return 'ProposalDropped';
  const contents = proposed.some(isChange) ? admitChanges(raft, proposed) : proposed;
  if (contents === undefined) return 'Malformed';
  if (!appendEntries(raft, contents)) return 'ProposalDropped';
  broadcastAppend(raft);
  return undefined;
}

/** Leaves a joint configuration that is to be left by itself, once all before it is applied. */
export function leaveJointWhenApplied(raft: Raft, applied: number): void {
  if (!raft.tracker.config.autoLeave || raft.role !== 'StateLeader' || applied < raft.pendingConfIndex) return;
  // Dropped while leadership is handed over; each entry that is applied brings us here again.
  proposeAsLeader(raft, [{ type: 'EntryConfChangeV2', data: noData }]);
}

function isChange(content: EntryContent): boolean {
  return content.type !== 'EntryNormal';
}

/** Only one change may be in the log and not applied; undefined when one of them cannot be read. */
function admitChanges(raft: Raft, proposed: readonly EntryContent[]): readonly EntryContent[] | undefined {
  const admitted: EntryContent[] = [];
  let pending = raft.pendingConfIndex;
  for (const content of proposed) {
    const change = isChange(content) ? tryDecode(content.data) : undefined;
    if (isChange(content) && change === undefined) return undefined;
    const why = change === undefined ? undefined : refusalOf(raft, change, pending);
    if (why !== undefined) raft.trace?.(`${raft.id} ignores a change of the configuration: ${why}`);
    admitted.push(why === undefined ? content : { type: 'EntryNormal', data: noData });
    if (change !== undefined && why === undefined) pending = raft.log.lastIndex() + admitted.length;
  }
  raft.pendingConfIndex = pending;
  return admitted;
}

function tryDecode(data: Uint8Array): ConfChange | undefined {
  try {
    return decodeConfChange(data);
  } catch (error) {
    if (error instanceof RaftError) return undefined;
    throw error;
  }
}

/** What is checked here is checked against the configuration that is applied, which is the last one when nothing is pending. */
function refusalOf(raft: Raft, change: ConfChange, pending: number): string | undefined {
  if (raft.settings.disableConfChangeValidation) return undefined;
  if (pending > raft.log.applied) return `one at ${pending} or before is not applied (applied ${raft.log.applied})`;
  const joint = isJoint(raft.tracker.config);
  if (joint && !leavesJoint(change)) return 'the joint configuration must be left first';
  if (!joint && leavesJoint(change)) return 'there is no joint configuration to leave';
  const result = changeOf(raft, change);
  return result.kind === 'refused' ? result.why : undefined;
}
