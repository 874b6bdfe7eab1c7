import type { Clock, Log } from '../../base/index.ts';
import { type Barn, BarnError } from '../barn.ts';
import { type BarnLimits, defaultLimits } from '../limits.ts';
import { EtcdCalls } from './calls.ts';
import { Compactions } from './compactions.ts';
import { Endpoints, type EtcdTls } from './endpoints.ts';
import { EtcdBarn } from './etcd-barn.ts';
import { Follower } from './follower.ts';
import { KeySpace } from './key-space.ts';

/** What a Barn in etcd needs. */
export interface EtcdBarnOptions {
  /** `http://host:port` or, with `tls`, `https://host:port`; at least one. */
  readonly endpoints: readonly string[];
  /** Printable ASCII before every key, for an etcd that holds other things too: they must leave these keys alone. */
  readonly prefix?: string;
  readonly tls?: EtcdTls;
  /** etcd's revision that counts as 0 here; absent: 1, that of an empty etcd. Never change it for a store that is in use. */
  readonly origin?: number;
  /** Whether to compact all of etcd when our history outgrows `historyBytesMax`; absent: yes. Without, somebody else must. */
  readonly compacts?: boolean;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits?: Partial<BarnLimits>;
  /** A call without an answer after this: Unknown, or NoLeader when it was never taken. Absent: 7 s. */
  readonly requestMs?: number;
  /** After so long without etcd, watches end with NoLeader. Absent: 10 s. */
  readonly leaderlessMs?: number;
}

/** Opens it; what was opened is closed again when etcd cannot be reached. */
export async function openBarnInEtcd(options: EtcdBarnOptions): Promise<Barn> {
  const { clock, log, prefix = '', origin = 1, compacts = true, requestMs = 7_000, leaderlessMs = 10_000 } = options;
  const limits = { ...defaultLimits, ...options.limits };
  const space = new KeySpace(prefix, origin);
  const endpoints = new Endpoints({ endpoints: options.endpoints, tls: options.tls, clock, log, requestMs });
  const calls = new EtcdCalls(endpoints);
  try {
    const { revision } = await calls.range({ key: space.nothing, countOnly: true }, 'open the store in etcd');
    const here = space.here(revision);
    const follower = new Follower({
      calls,
      space,
      clock,
      log,
      limits,
      leaderlessMs,
      revision: here,
      compactRevision: 0,
    });
    const compactions = new Compactions({ calls, space, follower, log, compacts });
    await compactions.find();
    await startOrStop(follower);
    return new EtcdBarn({ calls, space, follower, compactions, limits });
  } catch (error) {
    calls.close();
    throw error;
  }
}

async function startOrStop(follower: Follower): Promise<void> {
  try {
    await follower.start();
  } catch (error) {
    follower.stop(new BarnError('Closed', 'the store in etcd was not opened'));
    throw error;
  }
}
