import type { Barn } from './barn.ts';
import type { EtcdBarnOptions } from './etcd/open.ts';

export type { EtcdBarnOptions } from './etcd/open.ts';

/**
 * A Barn in an etcd (3.4 or newer) that somebody else runs. etcd's `--max-request-bytes` bounds what a transaction writes
 * (17 MiB for all that a Barn allows; more than etcd takes is TooLarge). With a prefix it still watches all keys: see follow.ts.
 * Errors: NoLeader when no endpoint answers, Storage when etcd refuses.
 */
export async function openEtcdBarn(options: EtcdBarnOptions): Promise<Barn> {
  // gRPC takes a while to load, and most have no etcd.
  const { openBarnInEtcd } = await import('./etcd/open.ts');
  return openBarnInEtcd(options);
}
