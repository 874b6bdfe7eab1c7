import { expect } from 'chai';
import { kinds } from '../../../apis/index.ts';
import { exec, file, openRig, planOf, type Rig, sinkFile, sliceName } from './rig.ts';

const edge = (name: string) => ({ kind: 'edge', edge: name, framed: false }) as const;

describe('agent: native slices', () => {
  let rig: Rig;
  before(async () => {
    rig = await openRig();
  });
  after(() => rig[Symbol.asyncDispose]());

  it('runs one exec step from file to file', async () => {
    await rig.write('in.txt', 'one\ntwo\n');
    const run = await rig.createRun(
      planOf([
        exec('copy', ['cat'], { inputs: [{ name: 'in', ...file('in.txt') }], outputs: [sinkFile('out/copy.txt')] }),
      ]),
    );
    await rig.bindGroup(run, 'copy');
    const status = await rig.ended(sliceName(run, 'copy'));
    expect(status).to.include({ phase: 'Succeeded', exitCode: 0 });
    expect(await rig.read('out/copy.txt')).to.equal('one\ntwo\n');
  });

  it('runs a group joined by a pipe', async () => {
    await rig.write('in.txt', 'b\na\nb\n');
    const run = await rig.createRun(
      planOf([
        exec('up', ['sort'], { group: 'up', inputs: [{ name: 'in', ...file('in.txt') }], outputs: [edge('up.down')] }),
        exec('down', ['uniq', '-c'], {
          group: 'up',
          inputs: [{ name: 'up', ...edge('up.down') }],
          outputs: [sinkFile('out/counted.txt')],
        }),
      ]),
    );
    await rig.bindGroup(run, 'up');
    expect((await rig.ended(sliceName(run, 'down'))).phase).to.equal('Succeeded');
    expect((await rig.ended(sliceName(run, 'up'))).phase).to.equal('Succeeded');
    expect(await rig.read('out/counted.txt')).to.equal('      1 a\n      2 b\n');
  });

  it('shows nothing of a group of which one slice failed, and names it', async () => {
    const run = await rig.createRun(
      planOf([
        exec('up', ['sh', '-c', 'echo x; exit 5'], { group: 'up', outputs: [edge('up.down')] }),
        exec('down', ['cat'], {
          group: 'up',
          inputs: [{ name: 'up', ...edge('up.down') }],
          outputs: [sinkFile('out/failed.txt')],
        }),
      ]),
    );
    await rig.bindGroup(run, 'up');
    const [up, down] = [sliceName(run, 'up'), sliceName(run, 'down')];
    expect(await rig.ended(up)).to.include({ phase: 'Failed', reason: 'StepFailed', exitCode: 5 });
    expect(await rig.ended(down)).to.include({
      phase: 'Failed',
      reason: 'GroupFailed',
      message: `step "up" (slice ${up}) failed: StepFailed`,
    });
    try {
      await rig.read('out/failed.txt');
      expect.fail('the sink appeared');
    } catch (error) {
      expect(error).to.include({ code: 'ENOENT' });
    }
  });

  it('reports Running, and ends a slice that is deleted', async () => {
    const run = await rig.createRun(planOf([exec('slow', ['sleep', '1000'])]));
    const [slice] = await rig.bindGroup(run, 'slow');
    const name = slice?.metadata.name ?? '';
    await rig.until(name, (seen) => seen?.status?.phase === 'Running');
    await rig.client.delete(kinds.slices, { namespace: 'default', name });
    await rig.until(name, (seen) => seen === undefined);
  });

  it('refuses a program, a volume and a secret that are not there', async () => {
    const run = await rig.createRun(
      planOf([
        exec('program', ['no-such-program']),
        exec('volume', ['cat'], { inputs: [{ name: 'in', ...file('x'), volume: 'nowhere' }] }),
        exec('secret', ['true'], { secrets: [{ name: 'none' }] }),
      ]),
    );
    for (const [group, reason] of [
      ['program', 'ProgramNotFound'],
      ['volume', 'VolumeNotFound'],
      ['secret', 'SecretNotFound'],
    ] as const) {
      await rig.bindGroup(run, group);
      expect(await rig.ended(sliceName(run, group))).to.include({ phase: 'Failed', reason });
    }
  });

  it('gives secrets as files and in the environment', async () => {
    await rig.client.create(kinds.secrets, {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { namespace: 'default', name: 'login' },
      data: { user: Buffer.from('ann').toString('base64'), password: Buffer.from('hush').toString('base64') },
    });
    const run = await rig.createRun(
      planOf([
        exec('secret', ['sh', '-c', 'cat "$RUNINK_SECRETS/login/password"; echo " $WHO"'], {
          secrets: [
            { name: 'login', key: 'password' },
            { name: 'login', key: 'user', env: 'WHO' },
          ],
          outputs: [sinkFile('out/secret.txt')],
        }),
      ]),
    );
    await rig.bindGroup(run, 'secret');
    expect((await rig.ended(sliceName(run, 'secret'))).phase).to.equal('Succeeded');
    expect(await rig.read('out/secret.txt')).to.equal('hush ann\n');
  });

  it('calls lost what a former agent ran, and runs the next attempt', async () => {
    const run = await rig.createRun(
      planOf([
        exec('twice', ['sh', '-c', 'echo whole; test -e "$0" || sleep 1000', rig.volume('go')], {
          outputs: [sinkFile('out/twice.txt')],
        }),
      ]),
    );
    await rig.bindGroup(run, 'twice');
    await rig.until(sliceName(run, 'twice'), (seen) => seen?.status?.phase === 'Running');
    await rig.restart();
    expect(await rig.ended(sliceName(run, 'twice'))).to.include({ phase: 'Lost', reason: 'AgentStopped' });
    await rig.write('go', '');
    await rig.bindGroup(run, 'twice', 2);
    expect((await rig.ended(sliceName(run, 'twice', 2))).phase).to.equal('Succeeded');
    expect(await rig.read('out/twice.txt')).to.equal('whole\n');
  });
});
