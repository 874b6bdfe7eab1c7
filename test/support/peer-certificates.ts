import type { PeerCredentials } from '../../barn/index.ts';
import { systemClock } from '../../base/index.ts';
import { type Credentials, createAuthority, issue } from '../../pki/index.ts';

/** An authority for peers, with its key. */
export type PeerAuthority = Credentials;

/** A new authority for peers. */
export function createPeerAuthority(): Promise<PeerAuthority> {
  return createAuthority('test-peer-ca', systemClock);
}

/** The credentials of a member with this name. */
export async function peerCredentials(authority: PeerAuthority, name: string): Promise<PeerCredentials> {
  const made = await issue(authority, { commonName: name, usage: 'peer', dnsNames: [name] }, systemClock);
  return { authority: authority.certificate, ...made };
}
