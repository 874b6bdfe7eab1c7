import { closeSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import { expect } from 'chai';
import { type HelperFixture, onHelper } from './fixture.ts';

describe('runi-agent: many slices', function () {
  this.timeout(120_000);
  let helper: HelperFixture;
  if (!onHelper((opened) => (helper = opened))) return;

  const descriptors = (): number => readdirSync(`/proc/${helper.process.pid}/fd`).length;
  const memoryKiB = (): number =>
    Number(readFileSync(`/proc/${helper.process.pid}/status`, 'utf8').match(/^VmRSS:\s+(\d+)/m)?.[1]);

  it('runs forty at once, each with a volume, a secret and an edge to the next', async () => {
    const launches = Array.from({ length: 40 }, (_, index) => {
      const isWriter = index % 2 === 0;
      const edge = [`pair-${index >> 1}`];
      return helper.run(['/bin/sh', '-c', isWriter ? `echo ${index} > /out/0` : 'cat /in/0'], {
        volumes: ['data'],
        secrets: [{ path: 'a/b', bytes: Buffer.from(String(index)) }],
        ...(isWriter ? { edgesOut: edge } : { edgesIn: edge }),
      });
    });
    const logs = (await Promise.all(launches)).map(({ log }) => log);
    expect(logs).to.deep.equal(Array.from({ length: 40 }, (_, index) => (index % 2 === 0 ? '' : `1:${index - 1}\n`)));
  });

  it('keeps no descriptor and no memory of those that ended', async () => {
    const more = {
      volumes: ['data', 'fixed'],
      edgesOut: ['e'],
      staging: [{ herdUid: 'herd-1', volume: 'data', id: 's' }],
    };
    for (let index = 0; index < 5; index++) await helper.run(['/bin/true'], more);
    const before = { descriptors: descriptors(), memoryKiB: memoryKiB() };
    for (let index = 0; index < 40; index++) {
      await helper.run(['/bin/true'], more);
      await helper.run(['/no/such'], more).catch(() => {});
      await helper.run(['/bin/true'], { ...more, volumes: ['none'] }).catch(() => {});
    }
    // One namespace more or less may just have been made ahead.
    expect(descriptors()).to.be.within(before.descriptors - 2, before.descriptors + 2);
    expect(memoryKiB()).to.be.lessThan(before.memoryKiB + 256);
  });

  it('can kill a slot at any moment of its launch', async () => {
    const ends = await Promise.all(
      Array.from({ length: 24 }, async (_, index) => {
        const request = helper.request(['/bin/sleep', '1000'], { volumes: ['data'] });
        await helper.prepare(request.slot);
        const exit = helper.exitOf(request.slot);
        const launch = helper.spawner.launch(request).then(
          () => exit.then(({ signal }) => `signal ${signal}`),
          (error: Error) => error.message.replace(request.slot, 'SLOT'),
        );
        await new Promise((resolve) => setTimeout(resolve, index * 3));
        await helper.spawner.kill(request.slot);
        return launch;
      }),
    );
    const allowed = ['signal 9', 'launch SLOT: the slice ended before its first process ran'];
    expect(ends.filter((end) => !allowed.includes(end))).to.deep.equal([]);
    expect(await helper.sh('echo lives')).to.equal('lives\n');
  });

  it('takes a mebibyte of secrets and refuses more', async () => {
    const bytes = Buffer.alloc(1 << 20, 7);
    const script = 'cksum < /run/secrets/big/key | cut -d" " -f2';
    expect(await helper.sh(script, { secrets: [{ path: 'big/key', bytes }] })).to.equal('1048576\n');
    const secrets = [{ path: 'big/key', bytes: Buffer.alloc((1 << 20) + 1) }];
    const error = await helper.sh(script, { secrets }).catch((cause: Error) => cause.message);
    expect(error).to.include('secrets are longer than 1048576 bytes together');
  });

  it('keeps no secret in its own memory', async () => {
    const word = `needle-${'x'.repeat(20)}-${Date.now()}`;
    await helper.run(['/bin/true'], { secrets: [{ path: 'a/b', bytes: Buffer.from(word) }] });
    const memory = writableMemory(helper.process.pid ?? 0);
    expect(memory.includes(helper.home.instance)).to.equal(true); // so it was really read
    expect(memory.includes(word)).to.equal(false);
  });
});

/** Every writable page of the process. */
function writableMemory(pid: number): Buffer {
  const file = openSync(`/proc/${pid}/mem`, 'r');
  try {
    const parts = readFileSync(`/proc/${pid}/maps`, 'utf8')
      .split('\n')
      .flatMap((line) => {
        const [, start, end] = line.match(/^([0-9a-f]+)-([0-9a-f]+) rw/) ?? [];
        if (start === undefined || end === undefined) return [];
        const at = Number.parseInt(start, 16);
        const bytes = Buffer.alloc(Number.parseInt(end, 16) - at);
        readSync(file, bytes, 0, bytes.length, at);
        return [bytes];
      });
    return Buffer.concat(parts);
  } finally {
    closeSync(file);
  }
}
