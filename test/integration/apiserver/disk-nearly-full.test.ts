// An API server, a process with its store on a small file system of its own, as an operator and its clients meet a disk that is
// nearly full: what is refused and how, what goes on, and the way back.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { kinds, type Pipeline } from '../../../apis/index.ts';
import { SmallDisk } from '../../support/barn-process/small-disk.ts';
import { type Server, startServer } from '../runictl/harness.ts';
import { pipeline } from './support.ts';

const MiB = 1024 * 1024;
const deadlineMs = 60_000;

describe('apiserver: a disk that is nearly full', function () {
  this.timeout(180_000);
  let folder: string;
  let disk: SmallDisk;
  let server: Server;

  before(async function () {
    if (process.getuid?.() !== 0) this.skip();
    folder = await mkdtemp(join(tmpdir(), 'runink-full-'));
    disk = await SmallDisk.open(join(folder, 'disk'), 600 * MiB);
    server = await startServer({ directory: join(disk.path, 'data') });
  });
  after(async () => {
    await server?.stop({ isKept: true });
    await disk?.close();
    if (folder !== undefined) await rm(folder, { recursive: true });
  });

  it('refuses what is written with 507 and what to do, deletes, and goes on once it is disarmed with room', async () => {
    await create('one');
    // Less than the reserve, without a byte that is written.
    disk.resize(120 * MiB);
    const alarms = (): Promise<{ readonly out: string }> => server.runictl(['barn', 'alarm', 'list']);
    await until(async () => (await alarms()).out.includes('NOSPACE'));

    const status: unknown = await create('two').catch((error: unknown) => error);
    expect(status).to.include({ code: 507, reason: 'InsufficientStorage' });
    expect(String(status)).to.match(/etcdserver: mvcc: database space exceeded: the disk of member apiserver \(\w+\)/);
    expect(String(status)).to.contain('once there is room: runictl barn alarm disarm');
    expect((await server.client.list(kinds.pipelines, { namespace: 'default' })).items.length).to.equal(1);
    await server.client.delete(kinds.pipelines, { namespace: 'default', name: 'one' });
    expect((await server.client.list(kinds.pipelines, { namespace: 'default' })).items).to.deep.equal([]);

    await server.runictl(['barn', 'alarm', 'disarm', 'NOSPACE']);
    await until(async () => (await alarms()).out.includes('NOSPACE'));
    disk.resize(600 * MiB);
    await until(async () => {
      await server.runictl(['barn', 'alarm', 'disarm']);
      return (await alarms()).out === 'no alarm\n';
    });
    await create('three');
  });

  const create = (name: string): Promise<unknown> =>
    server.client.create(kinds.pipelines, pipeline(name, { namespace: 'default' }) as unknown as Pipeline);
});

async function until(condition: () => Promise<boolean>): Promise<void> {
  const endMs = Date.now() + deadlineMs;
  while (!(await condition())) {
    if (Date.now() > endMs) throw new Error('not in time');
    await pause(50);
  }
}
