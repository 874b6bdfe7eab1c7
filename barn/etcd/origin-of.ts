import { silentLog, systemClock } from '../../base/index.ts';
import { EtcdCalls } from './calls.ts';
import { Endpoints } from './endpoints.ts';

/** The revision at which etcd stands: the origin of a Barn that begins in it now, when it has been used before. Test support. */
export async function originOf(endpoints: readonly string[]): Promise<number> {
  const calls = new EtcdCalls(new Endpoints({ endpoints, clock: systemClock, log: silentLog, requestMs: 30_000 }));
  try {
    return (await calls.range({ key: '\x01', countOnly: true }, 'ask etcd for its revision')).revision;
  } finally {
    calls.close();
  }
}
