import { mkdir } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import type { Clock } from '../base/index.ts';
import type { Credentials } from './authority.ts';
import { ensureAuthority, ensureCredentials } from './kept.ts';

/** A member of the store's group: its name is what its certificate says it is; hosts are for tools that look at those. */
export interface PeerRequest {
  readonly name: string;
  /** DNS names and addresses. */
  readonly hosts: readonly string[];
}

/** The authority's certificate, and the credentials of each member by its name. */
export interface PeerIdentities {
  readonly authority: string;
  readonly members: ReadonlyMap<string, Credentials>;
}

/**
 * The peer certificates of the store's members in `directory`: `ca.crt`, `ca.key`, and `NAME.crt` and `NAME.key` a member,
 * readable by the owner only. The authority signs peers alone and is never the API's. What is missing is made; what ends
 * within 30 days or lacks a host is renewed for the same key; the rest stays, so it may run as often as one likes. A server
 * needs `ca.crt` and its own two files; `ca.key` should stay where this ran. Throws when a name is none.
 */
export async function ensurePeers(
  directory: string,
  members: readonly PeerRequest[],
  clock: Clock,
): Promise<PeerIdentities> {
  for (const { name } of members) {
    const problem = memberNameProblem(name);
    if (problem !== undefined) throw new Error(problem);
  }
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const authority = await ensureAuthority(join(directory, 'ca'), 'runink-peer-ca', clock);
  const made = new Map<string, Credentials>();
  for (const { name, hosts } of members) {
    const dnsNames = [...new Set([name, ...hosts.filter((host) => isIP(host) === 0)])];
    const ipAddresses = [...new Set(hosts.filter((host) => isIP(host) !== 0))];
    const request = {
      commonName: name,
      organizations: ['runink:peers'],
      usage: 'peer',
      dnsNames,
      ipAddresses,
    } as const;
    made.set(name, await ensureCredentials(join(directory, name), authority, clock, request));
  }
  return { authority: authority.certificate, members: made };
}

const nameCharactersMax = 63;

/**
 * Why a member of the store cannot have this name, or undefined. It is a DNS name, since certificates bear it as one, and short
 * enough for a common name; it becomes a file's name beside the authority's.
 */
export function memberNameProblem(name: string): string | undefined {
  const label = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
  if (name !== 'ca' && name.length <= nameCharactersMax && new RegExp(`^${label}(\\.${label})*$`).test(name))
    return undefined;
  return `member name ${JSON.stringify(name)}: must be lower case letters and digits, with - and . between them, at most ${nameCharactersMax}, and not "ca"`;
}
