import { BarnError } from '../barn.ts';
import { emptyConfState } from '../raft/empty.ts';
import { checkCommandFormat, commandFormatMax } from '../state/command.ts';
import type { Founding, MemberRecord } from '../state/machine.ts';
import type { PeerCredentials } from '../transport/credentials.ts';
import type { AskPeer } from '../transport/transport.ts';
import type { MemberIdentity } from './member.ts';
import { clusterIdOf, founderId } from './member-id.ts';
import { decodeGreeting, encodeSaying } from './questions.ts';

/** The group that a member belongs to, as its flags say it (etcd's --initial-cluster…). */
export interface ClusterOptions {
  /** Name and peer URL of everyone who is there, this one too. */
  readonly initialCluster: readonly { readonly name: string; readonly peerUrl: string }[];
  /** `new`: they found the group together. `existing`: this one was added to it, and the others run. */
  readonly state: 'new' | 'existing';
  /** Equal for all members of one group; absent: what the member began with, `runink` for a new one. */
  readonly token?: string;
  readonly listen: { readonly host: string; readonly port: number };
  readonly credentials: PeerCredentials;
}

/** How a new group begins: everyone who founds it votes. */
export function foundingOf({ initial }: Pick<MemberIdentity, 'initial'>): Founding {
  const voters = initial.map(({ id }) => id).sort((one, other) => one - other);
  return { members: initial, confState: { ...emptyConfState, voters } };
}

/** The name of the group of a member that is one by itself. */
export const aloneToken = '';
const defaultToken = 'runink';

/** The name of a group, which its members begin with. */
export function tokenOf({ token = defaultToken }: Pick<ClusterOptions, 'token'>): string {
  return token;
}

/** A member that is a group by itself. */
export function identityAlone(name: string): MemberIdentity {
  const id = founderId(aloneToken, name, '');
  const record: MemberRecord = { id, name, peerUrl: '', format: commandFormatMax };
  return { id, name, initial: [record], state: 'new', clusterId: clusterIdOf(aloneToken) };
}

/** A member that founds a group with others. Errors: Membership when it is not among them. */
export function identityOfFounder(
  name: string,
  cluster: Pick<ClusterOptions, 'initialCluster' | 'token'>,
): MemberIdentity {
  const token = tokenOf(cluster);
  const { initialCluster } = cluster;
  const initial = initialCluster.map((member) => ({
    ...member,
    id: founderId(token, member.name, member.peerUrl),
    // Nothing until it has said so itself: then all know that it has run.
    format: 0,
  }));
  const own = initial.find((member) => member.name === name);
  if (own === undefined)
    throw new BarnError(
      'Membership',
      `start member ${name}: it is not in the initial cluster, which must name all members`,
    );
  return { id: own.id, name, initial, state: 'new', clusterId: clusterIdOf(token) };
}

/**
 * A member that was added to a group: asks the others for its id. Errors: Membership when they do not know it, or know that it
 * has run before (it lost its disk); NoLeader when nobody answers.
 */
export async function identityOfJoiner(name: string, cluster: ClusterOptions, ask: AskPeer): Promise<MemberIdentity> {
  const question = encodeSaying({ kind: 'hello', id: 0 });
  for (const other of cluster.initialCluster) {
    if (other.name === name) continue;
    const answer = await ask(other.peerUrl, question).catch(() => undefined);
    if (answer === undefined) continue;
    const { members, format } = decodeGreeting(answer);
    checkCommandFormat(format, `start member ${name}: the group of ${other.name}`);
    const own = members.find((member) => member.name === name);
    if (own === undefined)
      throw new BarnError(
        'Membership',
        `start member ${name}: ${other.name} does not know it; add it first (runictl barn member add)`,
      );
    if (own.format > 0)
      throw new BarnError(
        'Membership',
        `start member ${name} with an empty directory: ${other.name} knows that it has run before; what it voted is lost with its disk, so remove the member, empty its directory and add it anew`,
      );
    return { id: own.id, name, initial: members, state: 'existing', clusterId: clusterIdOf(tokenOf(cluster)) };
  }
  throw new BarnError(
    'NoLeader',
    `start member ${name}: none of the initial cluster answered for its id; start it again when they run`,
  );
}
