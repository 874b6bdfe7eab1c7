// What the helper must refuse, as the agent may be in a stranger's hands. After each refusal it must live and nothing of the
// request may be left.
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { encodeLaunch } from '../../../runi-agent/helper/encode.ts';
import { constants, requestOffsets as offset } from '../../../runi-agent/helper/request.gen.ts';
import type { LaunchRequest } from '../../../runi-agent/spawner.ts';
import { compareResidue, takeResidue } from '../../support/residue.ts';
import { agentUid, HelperFixture, onHelper, startHelper } from './fixture.ts';

describe('runi-agent: requests that the helper refuses', function () {
  this.timeout(60_000);
  let helper: HelperFixture;
  const isOn = onHelper(
    (opened) => (helper = opened),
    () => helper,
  );
  if (!isOn) return;

  async function refusal(request: LaunchRequest): Promise<string> {
    try {
      await helper.spawner.launch(request);
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
    return 'not refused';
  }

  const secret = (path: string) => ({ secrets: [{ path, bytes: Buffer.from('x') }] });
  const stage = (id: string) => ({ staging: [{ herdUid: 'herd-1', volume: 'data', id }] });
  const limits = (more: object) => ({ limits: { memoryBytesMax: 64 << 20, cpuMillis: 100, pidsMax: 8, ...more } });
  const cases: readonly (readonly [string, Partial<LaunchRequest>, string])[] = [
    ['a slot with a slash', { slot: 'a/b' }, 'a slot must be [a-z0-9-]{1,40}: a/b'],
    ['a slot that is a parent', { slot: '..' }, 'a slot must be'],
    ['a slot with capitals', { slot: 'Slot' }, 'a slot must be'],
    ['an empty slot', { slot: '' }, 'a slot must be'],
    ['a slot of 41 bytes', { slot: 'a'.repeat(41) }, 'a slot must be'],
    ['a herd with a slash', { herdUid: '../x' }, 'a herd’s uid must be'],
    ['a volume with a slash', { volumes: ['../data'] }, 'a volume must be'],
    ['a volume twice', { volumes: ['data', 'data'] }, 'a volume is named twice: data'],
    ['a staging id that is a parent', stage('..'), 'a staging directory’s id must be'],
    ['an edge with a dot', { edgesIn: ['a.b'] }, 'an edge in must be'],
    ['an edge twice', { edgesOut: ['e', 'e'] }, 'an edge out is named twice: e'],
    ['a bundle that is no hash', { bundle: '../../etc' }, 'a bundle must be named by 64 hex digits'],
    ['a bundle that is not there', { bundle: 'ab'.repeat(32) }, 'open bundle abab'],
    ['a relative program', { argv: ['sh'] }, 'argv[0] must be an absolute path: sh'],
    ['no program', { argv: [] }, 'too few or too many arguments'],
    ['a program that is not there', { argv: ['/no/such'] }, 'run /no/such: No such file or directory'],
    ['a program that cannot run', { argv: ['/etc/passwd'] }, 'run /etc/passwd: Permission denied'],
    ['stdin outside of the given places', { stdin: { path: '/etc/passwd' } }, 'stdin must lie below /in'],
    ['stdin by a way up', { stdin: { path: '/data/../etc/passwd' } }, 'stdin must be an absolute path without'],
    [
      'stdin that is not there',
      { stdin: { path: '/tmp/none' } },
      'open for stdin /tmp/none: No such file or directory',
    ],
    [
      'stdout that cannot be written',
      { stdout: { path: '/data/x' } },
      'open for stdout /data/x: Read-only file system',
    ],
    ['a secret of one part', secret('key'), 'a secret’s path must be NAME/KEY'],
    ['a secret of three parts', secret('a/b/c'), 'a secret’s path must be NAME/KEY'],
    ['a secret by a way up', secret('../key'), 'a secret’s path must be NAME/KEY'],
    ['a secret with a blank', secret('a/b c'), 'a secret’s path must be NAME/KEY'],
    ['too little memory', limits({ memoryBytesMax: 4096 }), 'the memory limit must be'],
    ['no cpu', limits({ cpuMillis: 0 }), 'the cpu limit must be'],
    ['no process', limits({ pidsMax: 0 }), 'the process limit must be'],
  ];
  for (const [title, more, words] of cases)
    it(`refuses ${title}`, async () => {
      const request = helper.request(['/bin/true'], more);
      if (/^[a-z0-9-]{1,40}$/.test(request.slot)) await helper.prepare(request.slot);
      const before = takeResidue();
      expect((await refusal(request)).replaceAll("'", '’')).to.include(words);
      expect(
        compareResidue(before, takeResidue()).filter(
          (line) => !line.startsWith('process') && line.includes(helper.home.instance),
        ),
      ).to.deep.equal([]);
      expect(await helper.sh('echo lives')).to.equal('lives\n');
    });

  it('refuses a slot whose directory was not made, is another’s, or a link', async () => {
    const request = helper.request(['/bin/true']);
    expect(await refusal(request)).to.include("open the slot's directory for /run/slice/agent: No such file");
    mkdirSync(helper.spawner.agentDirectory(request.slot), { recursive: true });
    expect(await refusal(request)).to.include('belongs to another user');
    const linked = helper.request(['/bin/true']);
    symlinkSync('/etc', helper.spawner.agentDirectory(linked.slot));
    expect(await refusal(linked)).to.include("open the slot's directory for /run/slice/agent");
    expect(agentUid).to.not.equal(0);
  });

  it('gives an edge at most one slot at each end', async () => {
    const first = await helper.stay('sleep 100', { edgesOut: ['once'] });
    const second = helper.request(['/bin/true'], { edgesOut: ['once'] });
    await helper.prepare(second.slot);
    expect(await refusal(second)).to.include('edge once has a slot at this end already');
    const exit = helper.exitOf(first.slot);
    await helper.spawner.kill(first.slot);
    await exit;
  });

  it('keeps edges of different herds apart', async () => {
    const first = await helper.stay('sleep 100', { edgesOut: ['same'] });
    const second = await helper.stay('sleep 100', { edgesOut: ['same'], herdUid: 'herd-2' });
    for (const { slot } of [first, second]) {
      const exit = helper.exitOf(slot);
      await helper.spawner.kill(slot);
      await exit;
    }
  });

  /** A launch whose counts or lengths lie, made from a true one. */
  function forged(change: (request: Buffer) => void): Buffer {
    const request = encodeLaunch(
      77,
      helper.request(['/bin/sh', '-c', 'true'], {
        slot: 'forged',
        secrets: [{ path: 'a/b', bytes: Buffer.from('x') }],
      }),
    );
    change(request);
    return request;
  }

  const lies: readonly (readonly [string, (request: Buffer) => void])[] = [
    ['more arguments than there are', (request) => request.writeUInt32LE(9, offset.argvCount)],
    ['fewer arguments than there are', (request) => request.writeUInt32LE(1, offset.argvCount)],
    ['four billion arguments', (request) => request.writeUInt32LE(0xffff_ffff, offset.argvCount)],
    ['four billion volumes', (request) => request.writeUInt32LE(0xffff_ffff, offset.volumeCount)],
    ['four billion staging directories', (request) => request.writeUInt32LE(0xffff_ffff, offset.stagingCount)],
    ['four billion edges', (request) => request.writeUInt32LE(0xffff_ffff, offset.edgeInCount)],
    ['four billion secrets', (request) => request.writeUInt32LE(0xffff_ffff, offset.secretCount)],
    ['a slot without an end', (request) => request.fill('a', offset.slot, offset.slot + constants.slotBytes)],
    ['a herd without an end', (request) => request.fill('a', offset.herd, offset.herd + constants.nameBytes)],
    ['a bundle without an end', (request) => request.fill('a', offset.bundle, offset.bundle + constants.hashBytes)],
    [
      'a stdin without an end',
      (request) => {
        request.writeUInt32LE(constants.stdioPath, offset.stdinKind);
        request.fill('/', offset.stdinPath, offset.stdinPath + constants.pathBytes);
      },
    ],
    ['a stream of no kind', (request) => request.writeUInt32LE(9, offset.stdoutKind)],
    ['a secret longer than the message', (request) => request.writeUInt32LE(0xffff_fff0, request.length - 9)],
    ['a secret path longer than the message', (request) => request.writeUInt32LE(0xffff_fff0, request.length - 13)],
    ['an argument without an end', (request) => request.fill('x', offset.size, offset.size + 8)],
    ['a type that is not known', (request) => request.writeUInt32LE(99, offset.type)],
  ];
  for (const [title, change] of lies)
    it(`answers a request with ${title}, and lives`, async () => {
      const answers: Buffer[] = [];
      const listener = (bytes: Buffer): void => void answers.push(bytes);
      const listeners = helper.relay.listeners('data');
      helper.relay.removeAllListeners('data');
      helper.relay.on('data', listener);
      helper.relay.write(forged(change));
      while (Buffer.concat(answers).length < 760) await once(helper.relay, 'data');
      helper.relay.removeListener('data', listener);
      for (const each of listeners) helper.relay.on('data', each as (bytes: Buffer) => void);
      expect(Buffer.concat(answers).readUInt32LE(4)).to.equal(constants.failed);
      expect(await helper.sh('echo lives')).to.equal('lives\n');
    });

  const breaks: readonly (readonly [string, (request: Buffer) => void])[] = [
    ['another version', (request) => request.writeUInt32LE(2, offset.version)],
    ['a tail longer than its parts', (request) => request.writeUInt32LE(1_000_000, offset.tailBytes)],
    [
      'a part longer than allowed',
      (request) => {
        request.writeUInt32LE(100_000_000, offset.argvBytes);
        request.writeUInt32LE(100_000_000, offset.tailBytes);
      },
    ],
  ];
  for (const [title, change] of breaks)
    it(`ends with the agent that sends ${title}`, async () => {
      const { home } = helper;
      const request = forged(change);
      await helper.close({ keep: true });
      const { process: child, relay, said } = await startHelper(home);
      relay.resume();
      relay.write(request);
      const [code] = await once(child, 'exit');
      expect(said.join('')).to.include('a request of another form');
      expect([code, existsSync(join(home.state, 'agent'))]).to.deep.equal([1, true]);
      helper = await HelperFixture.open(home);
    });

  it('leaves nothing in its tmpfs of edges', () => {
    expect(readdirSync(`/proc/${helper.process.pid}/root${helper.home.state}/edges`)).to.deep.equal([]);
  });
});
