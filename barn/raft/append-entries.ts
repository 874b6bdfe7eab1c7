import type { Entry } from './protocol.ts';
import type { Raft } from './raft.ts';

/** What a leader makes an entry of. */
export type EntryContent = Pick<Entry, 'type' | 'data'>;

/**
 * Appends to the leader's own log; false when that would make too much uncommitted. Entries without data are never refused:
 * a new leader's first one, and the one that leaves a joint configuration.
 */
export function appendEntries(raft: Raft, contents: readonly EntryContent[]): boolean {
  let bytes = 0;
  for (const content of contents) bytes += content.data.length;
  const total = raft.uncommittedBytes + bytes;
  // However large, one is let through when nothing else waits.
  if (raft.uncommittedBytes > 0 && bytes > 0 && total > raft.settings.maxUncommittedEntriesSize) return false;
  raft.uncommittedBytes = total;

  let index = raft.log.lastIndex();
  const entries: Entry[] = [];
  for (const { type, data } of contents) entries.push({ term: raft.term, index: ++index, type, data });
  raft.log.append(entries);

  // The leader acknowledges to itself once its own disk has them, as a follower would.
  const message = raft.draft('MsgAppResp', raft.id);
  message.index = index;
  raft.send(message);
  return true;
}

/** Entries with so much data were applied, so they were committed. */
export function releaseUncommitted(raft: Raft, bytes: number): void {
  raft.uncommittedBytes = Math.max(0, raft.uncommittedBytes - bytes);
}
