export { type CertificateRequest, type Credentials, createAuthority, issue } from './authority.ts';
export { ensureAuthority, ensureCredentials } from './kept.ts';
export { ensurePeers, memberNameProblem, type PeerIdentities, type PeerRequest } from './peers.ts';
export { createPrivate, readIfThere, writePrivate } from './private-files.ts';
export { checkUsable, type TrustedCredentials } from './usable.ts';
export { type WatchedFiles, watchFiles } from './watched-files.ts';
