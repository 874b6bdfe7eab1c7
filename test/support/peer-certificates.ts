import { systemClock } from '../../base/index.ts';
import { type Credentials, createAuthority, issue } from '../../pki/index.ts';

/** An authority for peers, with its key. */
export type PeerAuthority = Credentials;

/** What a member shows its peers, in the shape that a transport takes. */
export interface TestPeerCredentials {
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
}

/** A new authority for peers. */
export function createPeerAuthority(): Promise<PeerAuthority> {
  return createAuthority('test-peer-ca', systemClock);
}

/** The credentials of a member with this name. */
export async function peerCredentials(authority: PeerAuthority, name: string): Promise<TestPeerCredentials> {
  const made = await issue(authority, { commonName: name, usage: 'peer', dnsNames: [name] }, systemClock);
  return { authority: authority.certificate, ...made };
}
