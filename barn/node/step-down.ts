import { type Clock, sleep } from '../../base/index.ts';
import type { RawNode } from '../raft/raw-node.ts';
import type { Transport } from '../transport/transport.ts';
import type { MemberTimers } from './member.ts';

/**
 * Gives leadership to the connected voter that has most. Resolves when another leads or after an election's time; at once
 * where this member does not lead or nobody could.
 */
export async function stepDown(parts: {
  readonly node: RawNode;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly timers: MemberTimers;
}): Promise<void> {
  const { node, transport, clock, timers } = parts;
  const { id, role, progress, config } = node.status();
  const connected = transport.connected();
  const [next] = progress
    .filter((peer) => peer.id !== id && config.voters.includes(peer.id) && connected.includes(peer.id))
    .sort((one, other) => other.match - one.match);
  if (role !== 'StateLeader' || next === undefined) return;
  node.transferLeader(next.id);
  const untilMs = clock.monotonicMs() + timers.electionMs;
  const isDone = (): boolean => {
    const { leader } = node.basicStatus();
    return (leader !== id && leader !== 0) || clock.monotonicMs() >= untilMs;
  };
  while (!isDone()) await sleep(clock, timers.heartbeatMs / 4);
}
