import type { BarnReason } from '../barn.ts';
import type { ConfChange } from '../raft/protocol.ts';
import type { Status } from '../raft/status.ts';
import { isAllowed, votersAfter } from './hand-over.ts';

/** A learner may lag behind the leader's log by so many entries when it becomes a voter. */
const lagEntriesMax = 1_000;

/** Why the leader refuses a change of the members. */
export interface Refusal {
  readonly reason: BarnReason;
  readonly message: string;
}

/** Judges a change by what the leader knows; undefined: it may be proposed. */
export function refusalOf(change: ConfChange, status: Status): Refusal | undefined {
  if (status.role !== 'StateLeader') return { reason: 'NoLeader', message: 'this member does not lead: try again' };
  if (!isAllowed(change, status.config))
    return {
      reason: 'Membership',
      message: 'the change does not fit the members there are now: list them, then try again',
    };
  for (const { type, id } of change.changes) {
    const progress = status.progress.find((peer) => peer.id === id);
    // A log that is shorter than the lag allowed makes nobody a voter who was never heard: it may not run at all.
    const match = progress?.match ?? 0;
    if (type === 'ConfChangeAddNode' && (match === 0 || match + lagEntriesMax < status.lastIndex)) {
      const message = `member ${id.toString(16)} has ${match} of ${status.lastIndex} entries: wait until it has caught up`;
      return { reason: 'Membership', message };
    }
  }
  if (!change.changes.some(({ type, id }) => type === 'ConfChangeRemoveNode' && status.config.voters.includes(id)))
    return undefined;
  const left = votersAfter(change.changes, status.config.voters);
  const connected = left.filter(
    (voter) => voter === status.id || status.progress.some((peer) => peer.id === voter && peer.recentActive),
  );
  if (connected.length > Math.floor(left.length / 2)) return undefined;
  const message = `of the ${left.length} voters left ${connected.length} are connected, which is no quorum: bring one back first`;
  return { reason: 'Membership', message };
}
