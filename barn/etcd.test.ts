// The twin on Debian's real etcd: one process for the whole suite, a prefix and an origin for every test.
import { silentLog } from '../base/index.ts';
import { etcdUnavailable, startEtcd, type TestEtcd } from '../test/support/etcd.ts';
import { describeBarn } from './conformance.ts';
import { originOf } from './etcd/origin-of.ts';
import { openEtcdBarn } from './etcd.ts';

const title = etcdUnavailable === undefined ? 'etcd' : `etcd (skipped: ${etcdUnavailable})`;

// Thousands of calls at once, on a machine that does other things too.
const requestMs = 60_000;

(etcdUnavailable === undefined ? describe : describe.skip)(title, function () {
  this.timeout(60_000);
  let etcd: TestEtcd;
  let stores = 0;

  before(async () => {
    etcd = await startEtcd();
  });

  after(() => etcd.stop());

  describeBarn('the etcd twin', async (options) => {
    const { endpoints } = etcd;
    const origin = await originOf(endpoints);
    return {
      barn: await openEtcdBarn({ ...options, requestMs, endpoints, prefix: `t${stores++}/`, origin, log: silentLog }),
      async dispose() {},
    };
  });
});
