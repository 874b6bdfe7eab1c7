import type { LogFields } from '../../base/index.ts';
import type { StoreKeys } from '../keys.ts';
import type { PeerCredentials } from '../transport/credentials.ts';
import type { ConsensusParts, MemberIdentity, MemberTimers } from './member.ts';
import type { Failure } from './port.ts';

/** What the worker is started with; beside it comes the port to the state side. */
export interface WorkerStart {
  readonly identity: MemberIdentity;
  readonly walDirectory: string;
  readonly timers: MemberTimers;
  /** Where they are not the product's. */
  readonly logLimits: NonNullable<ConsensusParts['logLimits']>;
  readonly keys: StoreKeys;
  /** Absent for a member that is alone: nothing listens. */
  readonly peers:
    | {
        readonly url: string;
        readonly listen: { readonly host: string; readonly port: number };
        readonly credentials: PeerCredentials;
      }
    | undefined;
}

/** What the worker says beside the port: that it takes part, that it could not begin, and its log. */
export type WorkerSaying =
  | { readonly kind: 'started' }
  | { readonly kind: 'failed'; readonly failure: Failure }
  | {
      readonly kind: 'log';
      readonly level: 'debug' | 'info' | 'warn' | 'error';
      readonly message: string;
      readonly fields: LogFields;
    };
