export { type ApiLimits, defaultLimits as defaultApiLimits } from './limits.ts';
export { type CertificateRequest, type Credentials, createAuthority, issue } from './pki/authority.ts';
export { type RunningServer, type ServerOptions, startServer } from './server.ts';
