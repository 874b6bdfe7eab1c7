import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
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
