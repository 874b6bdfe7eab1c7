export { type CertificateRequest, type Credentials, createAuthority, issue } from './authority.ts';
export { ensureAuthority, ensureCredentials } from './kept.ts';
export { ensurePeers, type PeerIdentities, type PeerRequest } from './peers.ts';
export { createPrivate, readIfThere, writePrivate } from './private-files.ts';
