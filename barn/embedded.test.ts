import { once } from 'node:events';
import { constants } from 'node:fs';
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { expect } from 'chai';
import { silentLog, systemClock } from '../base/index.ts';
import { BarnError } from './barn.ts';
import { describeBarn } from './conformance.ts';
import { openEmbeddedBarn } from './embedded.ts';

describeBarn('the embedded store', async (options) => {
  const directory = await mkdtemp(join(tmpdir(), 'barn-'));
  return {
    barn: await openEmbeddedBarn({ ...options, directory, name: 'one', log: silentLog }),
    dispose: () => rm(directory, { recursive: true }),
  };
});

describeBarn(
  'the embedded store whose values are on disk',
  async (options) => {
    const directory = await mkdtemp(join(tmpdir(), 'barn-'));
    const limits = { ...options.limits, valueBytesInMemoryMax: 0 };
    // Written at once, since a batch otherwise waits for the clock.
    const diskLimits = { batchOperations: 1 };
    return {
      barn: await openEmbeddedBarn({ ...options, limits, diskLimits, directory, name: 'one', log: silentLog }),
      dispose: () => rm(directory, { recursive: true }),
    };
  },
  { readsBack: true },
);

describe('the embedded store and whom it belongs to', () => {
  it('is started by itself or in a group, as it began', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'barn-'));
    const options = { directory, name: 'one', clock: systemClock, log: silentLog };
    const cluster = {
      state: 'new',
      token: 'group',
      initialCluster: [{ name: 'one', peerUrl: 'https://127.0.0.1:1' }],
      listen: { host: '127.0.0.1', port: 0 },
      credentials: { authority: '', certificate: '', key: '' },
    } as const;
    const refusal = (more: object): Promise<unknown> =>
      openEmbeddedBarn({ ...options, ...more }).catch((error: unknown) => error);
    await (await openEmbeddedBarn(options)).close();
    expect(await refusal({ cluster })).to.include({ reason: 'Membership' });
    expect(await refusal({ name: 'other' })).to.include({ reason: 'Membership' });
    await (await openEmbeddedBarn(options)).close();

    const member = { id: 7, clusterId: 7, name: 'one' };
    await writeFile(join(directory, 'member.json'), JSON.stringify(member));
    expect(String(await refusal({}))).to.contain('belongs to a member of a group');
    await rm(directory, { recursive: true });
  }).timeout(60_000);
});

describe('the embedded store and others on its machine', () => {
  it('keeps its folders and files for its owner, whatever the umask is', async () => {
    const parent = await mkdtemp(join(tmpdir(), 'barn-'));
    const directory = join(parent, 'barn');
    const before = process.umask(0);
    try {
      const barn = await openEmbeddedBarn({ directory, name: 'one', clock: systemClock, log: silentLog });
      await barn.txn([], [{ do: 'put', key: 'a', value: Buffer.from('1') }]);
      const open: string[] = [];
      for (const name of ['.', ...(await readdir(directory, { recursive: true }))]) {
        const { mode } = await stat(join(directory, name));
        // LevelDB makes its files as the umask says: nobody else gets into their folder.
        const isLevels = name.startsWith('state/');
        if ((mode & 0o777) !== ((mode & constants.S_IFMT) === constants.S_IFDIR ? 0o700 : 0o600) && !isLevels)
          open.push(`${name} ${(mode & 0o777).toString(8)}`);
      }
      await barn.close();
      expect(open).to.deep.equal([]);
    } finally {
      process.umask(before);
      await rm(parent, { recursive: true });
    }
  }).timeout(60_000);
});

describe('the embedded store and its thread', () => {
  it('ends all that waits when the thread ends, and closes', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'barn-'));
    const made = once(process, 'worker');
    const failures: BarnError[] = [];
    const options = { directory, name: 'one', clock: systemClock, log: silentLog };
    const barn = await openEmbeddedBarn({ ...options, onFailed: (error) => void failures.push(error) });
    const [thread] = (await made) as [Worker];
    const watch = await barn.watch('a', 'b', 0);
    const waiting = [watch.next(), barn.readIndex(), barn.txn([], [{ do: 'put', key: 'a', value: new Uint8Array() }])];
    const ended = thread.terminate();
    // The thread may answer the others yet, but none that is asked for when it is gone.
    const late = ended.then(() => barn.readIndex());
    const answers = await Promise.allSettled([...waiting, late]);
    for (const answer of [answers[0], answers[3]]) {
      expect(answer?.status).to.equal('rejected');
      if (answer?.status === 'rejected') expect(answer.reason).to.include({ reason: 'Storage' });
    }
    expect(failures.map(({ reason }) => reason)).to.deep.equal(['Storage']);
    await barn.close();
    expect(await barn.range('a').catch((error: unknown) => error)).to.be.instanceOf(BarnError);
    // What the thread had locked is free.
    await (await openEmbeddedBarn(options)).close();
    await rm(directory, { recursive: true });
  }).timeout(60_000);
});
