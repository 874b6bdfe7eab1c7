import { existsSync, readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { expect } from 'chai';
import { type HelperFixture, onHelper } from './fixture.ts';

const MiB = 1 << 20;

describe('runi-agent: limits of a slice', function () {
  this.timeout(60_000);
  let helper: HelperFixture;
  if (!onHelper((opened) => (helper = opened))) return;

  const limits = (more: { memoryBytesMax?: number; cpuMillis?: number; pidsMax?: number }) => ({
    limits: { memoryBytesMax: 64 * MiB, cpuMillis: 1000, pidsMax: 16, ...more },
  });
  const hog = 'a=xxxxxxxx; while :; do a=$a$a; done';

  it('holds memory at its limit and says that this was the end', async () => {
    const exit = await helper.run(['/bin/sh', '-c', hog], limits({ memoryBytesMax: 32 * MiB }));
    expect(exit).to.include({ oomKilled: true, exitCode: null, signal: 9 });
    expect(exit.memoryPeakBytes).to.be.within(30 * MiB, 32 * MiB);
  });

  it('ends the whole slice when the kernel killed one process of it', async () => {
    // The kernel kills the one at once, the helper the others a moment later: they may still say something in between.
    const script = `sh -c '${hog}'; sleep 100; echo survived`;
    const exit = await helper.run(['/bin/sh', '-c', script], limits({ memoryBytesMax: 32 * MiB }));
    expect(exit).to.include({ oomKilled: true, log: '' });
  });

  it('counts /tmp and secrets as the slice’s memory', async () => {
    const script = 'head -c 6000000 /dev/zero > /tmp/file; head -c 90000000 /dev/zero > /tmp/more; true';
    const exit = await helper.run(['/bin/sh', '-c', script], limits({}));
    expect(exit).to.include({ oomKilled: false, exitCode: 0 });
    expect(exit.log).to.include('No space left on device');
    expect(exit.memoryPeakBytes).to.be.greaterThan(15 * MiB);
  });

  it('holds a fork bomb at its number of processes', async () => {
    const script = 'i=0; while [ $i -lt 50 ]; do sleep 100 & i=$((i+1)); done; wait';
    const exit = await helper.run(['/bin/sh', '-c', script], limits({ pidsMax: 8 }));
    expect(exit.pidsRefused).to.be.greaterThan(0);
    expect(exit.log).to.include('Cannot fork');
  });

  it('gives as many processes as were asked for', async () => {
    const script = 'for i in 1 2 3; do sleep 100 & done; echo all';
    expect(await helper.run(['/bin/sh', '-c', script], limits({ pidsMax: 4 }))).to.include({
      pidsRefused: 0,
      exitCode: 0,
      log: '1:all\n',
    });
  });

  it('throttles what takes more than its cpu', async () => {
    const script = 'timeout 0.6 sh -c "while :; do :; done"; true';
    const exit = await helper.run(['/bin/sh', '-c', script], limits({ cpuMillis: 200 }));
    expect(exit.cpuThrottled).to.be.greaterThan(1);
    expect(exit.cpuMs).to.be.within(40, 400);
  });

  it('shares the processors by limit, not as one process among the machine’s', async function () {
    if (!existsSync('/sys/fs/cgroup/cpu/cpu.shares')) this.skip(); // v2 has other files
    const { slot, pid } = await helper.stay('sleep 100', limits({ cpuMillis: 250 }));
    const path = readFileSync(`/proc/${pid}/cgroup`, 'utf8').match(/^\d+:(?:cpu|cpu,cpuacct):(.*)$/m)?.[1];
    const shares = ['..', '../..'].map((up) =>
      Number(readFileSync(`/sys/fs/cgroup/cpu${path}/${up}/cpu.shares`, 'utf8')),
    );
    expect(shares).to.deep.equal([cpus().length * 1024, cpus().length * 1024]);
    expect(readFileSync(`/sys/fs/cgroup/cpu${path}/cpu.shares`, 'utf8')).to.equal('256\n');
    const exit = helper.exitOf(slot);
    await helper.spawner.kill(slot);
    await exit;
  });

  it('lets no core be dumped and 4,096 files be open', async () => {
    expect(await helper.sh('ulimit -c; ulimit -n; ulimit -H -n')).to.equal('0\n4096\n4096\n');
  });
});
