// Linearizable reads without the log (thesis, 6.4): a quorum confirms that this leader still leads. No leases.

import type { MemberId, Message } from './protocol.ts';
import type { Raft } from './raft.ts';
import { broadcastHeartbeat } from './replication.ts';

/** Takes a read of this member or of a follower. */
export function readAsLeader(raft: Raft, request: Message): void {
  // Before it has committed an entry of its term a leader does not know what is committed. Nor does a member alone: after a
  // crash its log may hold more that was answered than the last commit index on its disk says. (raft.go answers there at once.)
  if (!raft.hasCommittedInTerm) raft.reads.keepEarly(request);
  else confirm(raft, request);
}

/** An entry was committed: the reads that waited for one of this term go on. */
export function releaseEarlyReads(raft: Raft): void {
  if (!raft.reads.hasEarly || !raft.hasCommittedInTerm) return;
  for (const request of raft.reads.takeEarly()) confirm(raft, request);
}

/** A member has answered a heartbeat: the reads that a quorum has confirmed are answered. */
export function confirmReads(raft: Raft, from: MemberId, context: Uint8Array): void {
  raft.reads.acknowledge(from, context);
  for (const { request, index } of raft.reads.takeConfirmed(raft.tracker.config)) answer(raft, request, index);
}

function confirm(raft: Raft, request: Message): void {
  if (raft.tracker.isSingleton) return answer(raft, request, raft.log.committed);
  if (!raft.reads.add(request, raft.log.committed)) return;
  const context = raft.reads.heartbeatContext();
  if (context !== undefined) raft.reads.acknowledge(raft.id, context);
  broadcastHeartbeat(raft);
}

function answer(raft: Raft, request: Message, index: number): void {
  const context = request.entries[0]?.data;
  if (context === undefined) return;
  if (request.from === raft.id) {
    raft.readStates.push({ index, context });
    return;
  }
  const message = raft.draft('MsgReadIndexResp', request.from);
  message.index = index;
  message.entries = request.entries;
  raft.send(message);
}
