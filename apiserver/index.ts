export { type ApiLimits, defaultLimits as defaultApiLimits } from './limits.ts';
export { type RunningServer, type ServerOptions, startServer } from './server.ts';
