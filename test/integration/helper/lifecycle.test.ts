import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { compareResidue, type Residue, takeResidue } from '../../support/residue.ts';
import { HelperFixture, HelperHome, makeHelper, spawnHelper, unavailable } from './fixture.ts';

describe('runi-agent: life and death of the helper', function () {
  this.timeout(60_000);
  if (unavailable !== undefined) {
    it.skip(`all of it: ${unavailable}`);
    return;
  }
  let clean: Residue;
  let home: HelperHome;
  before(() => {
    makeHelper();
  });
  beforeEach(() => {
    clean = takeResidue();
    home = new HelperHome();
  });
  afterEach(async () => {
    home.remove();
    // Others may be at work on this machine: only what bears our name counts.
    await until(() => !compareResidue(clean, takeResidue()).some((line) => line.includes(home.instance)));
  });

  const tree = 'setsid sh -c "sleep 1000 & sleep 1000" & sleep 1000 & wait';

  /** A helper with two busy slices; and their processes as the host numbers them. */
  async function busy(): Promise<{ helper: HelperFixture; pids: readonly number[] }> {
    const helper = await HelperFixture.open(home);
    const slots = [await helper.stay(tree), await helper.stay(tree)];
    const pids = slots.map(({ pid }) => pid);
    await until(() => pids.every((pid) => processesOf(pid) >= 5));
    return { helper, pids };
  }

  for (const victim of ['helper', 'agent', 'exchange'] as const)
    it(`leaves no process when the ${victim} is killed, and a new helper takes over`, async () => {
      const { helper, pids } = await busy();
      const exit = once(helper.process, 'exit');
      const { agent, exchange } = await childrenOf(helper.process.pid ?? 0);
      const target = { helper: helper.process.pid, agent, exchange }[victim];
      if (!target) throw new Error(`no ${victim}`); // 0 would be our own group
      process.kill(target, 'SIGKILL');
      await exit;
      await until(() => pids.every((pid) => !existsSync(`/proc/${pid}`)));
      await until(() => [agent, exchange].every((pid) => !existsSync(`/proc/${pid}`)));
      if (victim === 'exchange') expect(helper.said.join('')).to.include('the exchange has ended (signal 9)');
      const next = await HelperFixture.open(home);
      expect(await next.sh('echo again')).to.equal('again\n');
      await next.close({ keep: true });
      await helper.close({ keep: true });
    });

  it('ends everything and removes its groups on SIGTERM', async () => {
    const { helper, pids } = await busy();
    const exit = once(helper.process, 'exit');
    helper.process.kill('SIGTERM');
    await exit;
    expect(pids.filter((pid) => existsSync(`/proc/${pid}`))).to.deep.equal([]);
    await helper.close({ keep: true });
  });

  it('tells the ends of all slots when the agent closes', async () => {
    const { helper } = await busy();
    const ends: string[] = [];
    helper.spawner.exits$.subscribe(({ slot }) => ends.push(slot));
    await helper.close({ keep: true });
    expect(ends.sort()).to.deep.equal(['slot-1', 'slot-2']);
  });

  it('ends what an earlier helper left in its groups', async () => {
    const helper = await HelperFixture.open(home);
    const { pid } = await helper.stay('sleep 1000');
    const group = groupsOf(pid).find((path) => path.includes('pids')) ?? '';
    const straggler = spawn('/bin/sleep', ['1000']);
    await once(straggler, 'spawn');
    const freezer = groupsOf(pid).find((path) => path.includes('freezer')) ?? group;
    for (const path of [group, freezer]) writeFileSync(join(path, 'cgroup.procs'), String(straggler.pid));
    helper.process.kill('SIGKILL');
    await once(helper.process, 'exit');
    const gone = once(straggler, 'exit');
    const next = await HelperFixture.open(home);
    const [, signal] = await gone;
    expect(signal).to.equal('SIGKILL');
    await next.close({ keep: true });
    await helper.close({ keep: true });
  });

  it('lets no second helper of the instance start', async () => {
    const helper = await HelperFixture.open(home);
    expect(await failure()).to.include(`instance ${home.instance} has a helper already`);
    expect(await helper.sh('echo lives')).to.equal('lives\n');
    await helper.close({ keep: true });
  });

  it('dies with its parent', async () => {
    const script = `import { HelperFixture, HelperHome } from ${JSON.stringify(new URL('fixture.js', import.meta.url).href)};
      const home = new HelperHome();
      const helper = await HelperFixture.open(home);
      const { pid } = await helper.stay('sleep 1000');
      console.log(JSON.stringify([home.directory, home.volumes, helper.process.pid, pid]));`;
    const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(parent.stdout, 'data')) as [Buffer];
    const [directory, volumes, helperPid, slicePid] = JSON.parse(String(line)) as [string, string, number, number];
    parent.kill('SIGKILL');
    await until(() => [helperPid, slicePid].every((pid) => !existsSync(`/proc/${pid}`)));
    for (const folder of [directory, volumes]) rmSync(folder, { recursive: true });
  });

  for (const [title, change, words] of [
    ['an unknown key', (text: string) => `${text}colour=red\n`, 'config: unknown key colour'],
    ['a line that is no pair', (text: string) => `${text}colour\n`, 'config: not key=value: colour'],
    ['an instance with a slash', (text: string) => text.replace(/instance=.*/, 'instance=a/b'), 'instance must be'],
    ['no instance', (text: string) => text.replace(/instance=.*/, ''), 'config: instance is missing'],
    ['more than 4 KiB', (text: string) => `${text}#${'x'.repeat(4096)}\n`, 'config: longer than 4096 bytes'],
    [
      'ids that people have',
      (text: string) => text.replace(/uid-range=.*/, 'uid-range=1000-9000'),
      'uid-range must be',
    ],
    ['a relative state', (text: string) => text.replace(/state=.*/, 'state=run'), 'state must be an absolute path'],
    ['a volume of no mode', (text: string) => `${text}volume=*:x:/tmp:rx\n`, 'a volume is "ro" or "rw", not rx'],
    ['a volume that is not there', (text: string) => `${text}volume=*:x:/no/such:ro\n`, 'open volume x at /no/such'],
    ['a volume named by a path', (text: string) => `${text}volume=*:../x:/tmp:ro\n`, "a volume's name must be"],
  ] as const)
    it(`does not start with a configuration that has ${title}`, async () => {
      home.config = change(home.config);
      expect(await failure()).to.include(words);
    });

  it('does not start with a state or runtime folder that others may write to', async () => {
    for (const folder of ['state', 'runtime']) {
      chmodSync(join(home.directory, folder), 0o777);
      expect(await failure()).to.include('must belong to root and be writable by no one else');
      chmodSync(join(home.directory, folder), 0o755);
    }
  });

  it('does not start for one who is not root', async () => {
    const child = spawn(
      '/bin/sh',
      ['-c', 'exec "$0" --config-fd 3 --agent-uid 1 --exchange-uid 2 --gid 1 -- /bin/true', home.copyHelper()],
      {
        uid: 1_900_000,
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    const said: string[] = [];
    child.stderr.on('data', (bytes) => said.push(String(bytes)));
    const [code] = await once(child, 'exit');
    expect([code, said.join('')]).to.deep.equal([
      1,
      'runi-helper: --config-fd is for root only; run as root or choose --isolation=none\n',
    ]);
  });

  /** What a helper says that does not start. */
  async function failure(): Promise<string> {
    const child = spawnHelper(home, [join(home.directory, 'runtime/node'), '-e', 'setInterval(() => {}, 1000)']);
    const said: string[] = [];
    child.stderr?.on('data', (bytes: Buffer) => said.push(String(bytes)));
    const [code] = await once(child, 'close');
    expect(code).to.equal(1);
    return said.join('');
  }
});

async function until(condition: () => boolean, deadlineMs = 20_000): Promise<void> {
  const end = Date.now() + deadlineMs;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`not within ${deadlineMs} ms: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** The helper's two children, once each runs its own program. */
async function childrenOf(helper: number): Promise<{ readonly agent: number; readonly exchange: number }> {
  const find = (program: string): number =>
    Number(
      readdirSync('/proc').find(
        (name) =>
          /^\d+$/.test(name) &&
          statField(name, 'PPid') === helper &&
          read(`/proc/${name}/cmdline`).split('\0')[1]?.endsWith(program),
      ) ?? 0,
    );
  await until(() => find('relay.mjs') > 0 && find('exchange.mjs') > 0);
  return { agent: find('relay.mjs'), exchange: find('exchange.mjs') };
}

/** How many processes share the pid namespace. */
function processesOf(pid: number): number {
  const groups = groupsOf(pid);
  const pids = groups.find((path) => path.includes('/pids/') || path.includes('unified')) ?? groups[0] ?? '';
  return read(join(pids, 'cgroup.procs')).split('\n').filter(Boolean).length;
}

/** Paths of the process's groups below /sys/fs/cgroup. */
function groupsOf(pid: number): readonly string[] {
  return read(`/proc/${pid}/cgroup`)
    .split('\n')
    .flatMap((line) => {
      const [, controllers = '', path = ''] = line.match(/^\d+:([^:]*):(.*)$/) ?? [];
      const folder = `/sys/fs/cgroup/${controllers === '' ? '' : controllers}${path}`;
      return path.includes('runink-') && existsSync(folder) && statSync(folder).isDirectory() ? [folder] : [];
    });
}

function statField(pid: string, field: string): number {
  return Number(read(`/proc/${pid}/status`).match(new RegExp(`^${field}:\\t(\\d+)`, 'm'))?.[1]);
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
