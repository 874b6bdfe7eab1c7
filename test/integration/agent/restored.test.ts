// A store that was restored from an older copy, as an agent meets it: what ran here does not run again, and what runs goes on.
import { appendFile, readFile } from 'node:fs/promises';
import { expect } from 'chai';
import { kinds, type Run } from '../../../apis/index.ts';
import { exec, openRig, planOf, type Rig, sinkFile, sliceName } from './rig.ts';

describe('agent: a restored store', () => {
  let rig: Rig;
  beforeEach(async () => {
    rig = await openRig();
  });
  afterEach(() => rig[Symbol.asyncDispose]());

  /** Counts its executions in a file that nobody publishes, and waits until it may go. */
  const createRun = (): Promise<Run> => {
    const script = `echo ran >> ${rig.volume('ran')}; until [ -e ${rig.volume('go')} ]; do sleep 0.02; done; echo done`;
    return rig.createRun(planOf([exec('once', ['sh', '-c', script], { outputs: [sinkFile('out')] })]));
  };
  const go = (): Promise<void> => appendFile(rig.volume('go'), '');
  const times = async (): Promise<number> =>
    (await readFile(rig.volume('ran'), 'utf8').catch(() => '')).split('\n').length - 1;
  const isRunning = (name: string) => rig.until(name, (slice) => slice?.status?.phase === 'Running');

  /** The slice goes, as if the store had never known it. */
  async function forget(name: string): Promise<void> {
    const ref = { namespace: 'default', name };
    const slice = await rig.client.get(kinds.slices, ref);
    await rig.client.updateStatus(kinds.slices, { ...slice, status: { phase: 'Lost' } }).catch(() => undefined);
    await rig.client.delete(kinds.slices, ref);
  }

  for (const how of ['that kept running', 'that was started again'] as const)
    it(`is told again by an agent ${how} what a slice came to, without a second run`, async () => {
      const run = await createRun();
      await go();
      await rig.bindGroup(run, 'once');
      expect((await rig.ended(sliceName(run, 'once'))).phase).to.equal('Succeeded');
      await rig.replaceStore(
        async () => {
          await forget(sliceName(run, 'once'));
          await rig.bindGroup(run, 'once');
        },
        { restarts: how === 'that was started again' },
      );
      expect(await rig.ended(sliceName(run, 'once'))).to.include({ phase: 'Succeeded', exitCode: 0 });
      expect([await times(), await rig.read('out')]).to.deep.equal([1, 'done\n']);
    });

  it('finds what it forgot still running, and gets its end', async () => {
    const run = await createRun();
    await rig.bindGroup(run, 'once');
    await isRunning(sliceName(run, 'once'));
    await rig.replaceStore(() => forget(sliceName(run, 'once')));
    const deadline = AbortSignal.timeout(8_000);
    while (rig.attempts.length === 0 && !deadline.aborted) await new Promise((resolve) => setTimeout(resolve, 10));
    expect(rig.attempts).to.deep.equal([`${run.metadata.uid}/once/1`]);
    await go();
    await rig.bindGroup(run, 'once');
    expect((await rig.ended(sliceName(run, 'once'))).phase).to.equal('Succeeded');
    expect([await times(), await rig.read('out')]).to.deep.equal([1, 'done\n']);
  });

  it('is told Running again of what runs', async () => {
    const run = await createRun();
    await rig.bindGroup(run, 'once');
    await isRunning(sliceName(run, 'once'));
    await rig.replaceStore(async () => {
      await forget(sliceName(run, 'once'));
      await rig.bindGroup(run, 'once');
    });
    await isRunning(sliceName(run, 'once'));
    await go();
    expect((await rig.ended(sliceName(run, 'once'))).phase).to.equal('Succeeded');
    expect(await times()).to.equal(1);
  });

  it('has a slice lost of which nobody knows what came of it', async () => {
    const run = await createRun();
    await rig.replaceStore(() => rig.bindGroup(run, 'once').then(() => undefined));
    expect(await rig.ended(sliceName(run, 'once'))).to.include({ phase: 'Lost', reason: 'StoreRestored' });
    expect(await times()).to.equal(0);
    // What is placed after that is new.
    await go();
    await rig.bindGroup(run, 'once', 2);
    expect((await rig.ended(sliceName(run, 'once', 2))).phase).to.equal('Succeeded');
  });

  it('is told from one that only forgot its history', async () => {
    const run = await createRun();
    await rig.bindGroup(run, 'once');
    await isRunning(sliceName(run, 'once'));
    const next = await createRun();
    await rig.replaceStore(
      async () => {
        await forget(sliceName(run, 'once'));
        await rig.bindGroup(next, 'once');
      },
      { isRestored: false },
    );
    await go();
    expect((await rig.ended(sliceName(next, 'once'))).phase).to.equal('Succeeded');
    // The first was killed, and only the other one's end appeared.
    expect(await times()).to.equal(2);
    expect(rig.attempts).to.include(`${run.metadata.uid}/once/1`);
  });
});
