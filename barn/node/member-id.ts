import { createHash } from 'node:crypto';
import type { Random } from '../../base/index.ts';
import type { MemberId } from '../raft/protocol.ts';

const idBytes = 6;

/** The id of one who founds the group: from the group's name, its own and where it is found, so that all founders agree. */
export function founderId(token: string, name: string, peerUrl: string): MemberId {
  return hashed(['member', token, name, peerUrl]);
}

/** The id of a group, from its name. */
export function clusterIdOf(token: string): number {
  return hashed(['cluster', token]);
}

/** An id of 48 random bits for one who joins: never one that was used before, so that an old vote cannot count for a new member. */
export function randomId(random: Random): MemberId {
  return Math.floor(random.next() * 2 ** 16) * 2 ** 32 + Math.floor(random.next() * (2 ** 32 - 1)) + 1;
}

function hashed(parts: readonly string[]): number {
  const digest = createHash('sha256').update(JSON.stringify(parts)).digest();
  return Math.max(1, digest.readUIntBE(0, idBytes));
}
