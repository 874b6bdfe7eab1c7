import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { expect } from 'chai';
import { type HelperFixture, onHelper } from './fixture.ts';

/** The root of a slice that was given nothing, without what is below /usr, /runtime, /proc and two folders of links. */
const rootOfSlice = [
  '/',
  '/bin -> usr/bin',
  '/data -> run/data',
  '/dev',
  '/dev/fd -> /proc/self/fd',
  '/dev/full',
  '/dev/null',
  '/dev/random',
  '/dev/shm -> /tmp/.shm',
  '/dev/stderr -> /proc/self/fd/2',
  '/dev/stdin -> /proc/self/fd/0',
  '/dev/stdout -> /proc/self/fd/1',
  '/dev/urandom',
  '/dev/zero',
  '/etc',
  '/etc/alternatives',
  '/etc/group',
  '/etc/hosts -> /run/hosts',
  '/etc/ld.so.cache',
  '/etc/localtime',
  '/etc/nsswitch.conf',
  '/etc/passwd',
  '/etc/protocols',
  '/etc/services',
  '/etc/ssl',
  '/etc/ssl/certs',
  '/in -> run/in',
  '/lib -> usr/lib',
  '/lib64 -> usr/lib64',
  '/out -> run/out',
  '/proc',
  '/run',
  '/run/data',
  '/run/hosts',
  '/run/in',
  '/run/out',
  '/run/secrets',
  '/run/slice',
  '/run/slice/agent',
  '/run/slice/exchange',
  '/run/slice/exchange/log.sock',
  '/run/stage',
  '/run/state',
  '/run/step',
  '/runtime',
  '/sbin -> usr/sbin',
  '/stage -> run/stage',
  '/state -> run/state',
  '/step -> run/step',
  '/tmp',
  '/tmp/.shm',
  '/usr',
];

/** Files of the host's that not every host has. */
const mayBeMissing = /^\/(etc\/(alternatives|localtime|protocols|services|ssl\/certs|ld\.so\.cache)|lib64)/;

/** What the probe must be told: the kernel's or the filter's answer to each try. */
const answers: Readonly<Record<string, string>> = {
  clone3: 'ENOSYS',
  'clone-newuser': 'EPERM',
  'clone-newns': 'EPERM',
  'unshare-user': 'EPERM',
  setns: 'EPERM',
  mount: 'EPERM',
  umount: 'EPERM',
  'pivot-root': 'EPERM',
  chroot: 'EPERM',
  'open-tree': 'EPERM',
  'mount-setattr': 'EPERM',
  ptrace: 'EPERM',
  bpf: 'EPERM',
  perf: 'EPERM',
  userfaultfd: 'EPERM',
  'io-uring': 'EPERM',
  keyctl: 'EPERM',
  seccomp: 'ENOSYS',
  syslog: 'EPERM',
  sethostname: 'EPERM',
  'setuid-0': 'EINVAL',
  setgroups: 'EPERM',
  'chown-0': 'EINVAL',
  'chmod-plain': '0',
  'chmod-sticky': '0',
  'chmod-setuid': 'EPERM',
  'chmod-setgid': 'EPERM',
  'chmod-setuid-high': 'EPERM',
  'fchmodat-setuid': 'EPERM',
  'fchmodat2-setuid': 'ENOSYS',
  'open-setuid': 'EPERM',
  'openat-setgid': 'EPERM',
  'openat-tmpfile': 'EPERM',
  'openat-mode-unused': '0',
  openat2: 'ENOSYS',
  'creat-setuid': 'EPERM',
  'mkdir-setgid': 'EPERM',
  'mkdirat-setgid': 'EPERM',
  'mknod-setuid': 'EPERM',
  'mknod-fifo': '0',
  'mknod-device': 'EPERM',
  'mknodat-block': 'EPERM',
  setxattr: 'EOPNOTSUPP',
  'socket-unix': '0',
  'socket-inet': '0',
  'socket-raw': 'EPERM',
  'socket-packet': 'EAFNOSUPPORT',
  'socket-packet-high': 'EAFNOSUPPORT',
  'socket-vsock': 'EAFNOSUPPORT',
  'socket-alg': 'EAFNOSUPPORT',
  'socket-route': '0',
  'socket-audit': 'EAFNOSUPPORT',
  tiocsti: 'EPERM',
  'tiocsti-high': 'EPERM',
  'kill-init': '0',
  'init-memory': 'ENOENT',
  'init-exe': 'ENOENT',
  cgroup: 'ENOENT',
  'dev-mem': 'ENOENT',
  'write-usr': 'EROFS',
  'write-run': 'EROFS',
  'write-etc': 'EACCES',
  'write-null': '0',
  priority: 'EACCES',
  unknown: 'ENOSYS',
};

const namespaces = ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'user', 'uts'];

describe('runi-agent: isolation of a slice', function () {
  this.timeout(60_000);
  let helper: HelperFixture;
  if (!onHelper((opened) => (helper = opened))) return;

  it('shows exactly this root', async () => {
    const list = await helper.sh(
      `find / \\( -path /proc -o -path /usr -o -path /runtime -o -path /etc/ssl/certs -o -path /etc/alternatives \\) -prune -print -o -type l -printf '%p -> %l\\n' -o -print | sort`,
    );
    const seen = list.split('\n').filter(Boolean);
    const found = seen.map((line) => line.replace(/^(\/etc\/localtime) -> .*/, '$1')).sort();
    const expected = rootOfSlice.filter((line) => found.includes(line) || !mayBeMissing.test(line)).sort();
    expect(found).to.deep.equal(expected);
  });

  it('shows nothing in /usr/local, and no secrets where none were given', async () => {
    expect(await helper.sh('ls -A /usr/local /run/secrets /run/slice/agent')).to.equal(
      '/run/secrets:\n\n/run/slice/agent:\n\n/usr/local:\n',
    );
  });

  it('runs as one mapped user, whose id on the host is no one’s', async () => {
    expect(await helper.sh('id')).to.equal('uid=1000(slice) gid=1000(slice) groups=1000(slice)\n');
    const { slot, pid } = await helper.stay('sleep 100');
    const ids = statusOf(pid, 'Uid').split(/\s+/).map(Number);
    expect(ids[0]).to.be.within(2_100_000, 2_101_000);
    expect(new Set(ids).size).to.equal(1);
    await end(slot);
  });

  it('gives the next slice another id', async () => {
    const [first, second] = [await helper.stay('sleep 100'), await helper.stay('sleep 100')];
    expect(statusOf(first.pid, 'Uid')).to.not.equal(statusOf(second.pid, 'Uid'));
    await end(first.slot);
    await end(second.slot);
  });

  it('has no capability, no new privileges and a filter', async () => {
    const status = await helper.sh("grep -E '^(Cap|NoNewPrivs|Seccomp:|Groups)' /proc/self/status");
    expect(
      status
        .replace(/[ \t]+/g, ' ')
        .split('\n')
        .map((line) => line.trim())
        .filter(Boolean),
    ).to.deep.equal([
      'Groups:',
      'CapInh: 0000000000000000',
      'CapPrm: 0000000000000000',
      'CapEff: 0000000000000000',
      'CapBnd: 0000000000000000',
      'CapAmb: 0000000000000000',
      'NoNewPrivs: 1',
      'Seccomp: 2',
    ]);
  });

  it('shares no namespace with the host', async () => {
    const { slot, pid } = await helper.stay('sleep 100');
    const shared = namespaces.filter(
      (name) => readlinkSync(`/proc/${pid}/ns/${name}`) === readlinkSync(`/proc/self/ns/${name}`),
    );
    expect(shared).to.deep.equal([]);
    await end(slot);
  });

  it('gives exactly the environment that was asked for', async () => {
    const { log } = await helper.run(['/usr/bin/env', '-0'], { env: { ONE: '1', TWO: 'a b\nc' } });
    expect(log).to.equal('1:ONE=1\0TWO=a b\nc\0\n');
  });

  it('shows no process but the slice’s own, also in a full /proc', async () => {
    for (const fullProc of [false, true]) {
      const pids = (await helper.sh('exec ls /proc', { fullProc })).split('\n').filter((name) => /^\d+$/.test(name));
      expect(pids, `fullProc ${fullProc}`).to.deep.equal(['2']);
    }
  });

  it('tells nothing of the host in a full /proc, and has only processes in a small one', async () => {
    const script =
      'cat /proc/cmdline /proc/kallsyms /proc/kmsg /proc/modules /proc/keys /proc/sysrq-trigger 2>/dev/null | wc -c';
    expect((await helper.sh(script, { fullProc: true })).trim()).to.equal('0');
    expect(await helper.sh('ls -A /proc/bus /proc/fs /proc/irq', { fullProc: true })).to.equal(
      '/proc/bus:\n\n/proc/fs:\n\n/proc/irq:\n',
    );
    const entries = (await helper.sh('ls /proc')).split('\n').filter((name) => name !== '' && !/^\d+$/.test(name));
    expect(entries.filter((name) => !['self', 'thread-self', 'mounts', 'net'].includes(name))).to.deep.equal([]);
  });

  it('has no network but its own loopback', async () => {
    expect((await helper.sh('cut -d: -f1 /proc/net/dev | tail -n +3', { fullProc: true })).trim()).to.equal('lo');
    expect(await helper.sh('/runtime/node -p "JSON.stringify(Object.keys(os.networkInterfaces()))"')).to.equal(
      '["lo"]\n',
    );
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : 0;
    const script = `require('net').connect(${port}, '127.0.0.1').on('error', (e) => console.log(e.code))`;
    expect(await helper.sh(`/runtime/node -e "${script}"`)).to.equal('ECONNREFUSED\n');
    server.close();
  });

  it('answers what a hostile step tries as it should', async () => {
    const probe = join(helper.volume('fixed'), 'probe');
    const source = resolve(import.meta.dirname, '../../../../test/integration/helper/probe.c');
    execFileSync('cc', ['-w', '-o', probe, source]);
    chmodSync(probe, 0o755);
    const log = await helper.sh('/data/fixed/probe', { volumes: ['fixed'] });
    const got = Object.fromEntries(
      log
        .split('\n')
        .filter(Boolean)
        .map((line) => line.split(' ')),
    );
    expect(got).to.deep.equal(answers);
  });

  it('keeps secrets to the slice they were given to, on a tmpfs', async () => {
    const secrets = [
      { path: 'login/user', bytes: Buffer.from('me') },
      { path: 'login/.hidden_Key', bytes: Buffer.from([0, 255, 10]) },
      { path: 'empty/key', bytes: Buffer.alloc(0) },
    ];
    const script =
      "cd /run/secrets; find . -type f -printf '%p %m %s %u\\n' | sort; stat -f -c %T .; touch x 2>&1 | tail -c 22; cat login/user";
    expect(await helper.sh(script, { secrets })).to.equal(
      './empty/key 400 0 slice\n./login/.hidden_Key 400 3 slice\n./login/user 400 2 slice\ntmpfs\nRead-only file system\nme\n',
    );
    expect(await helper.sh('find /run/secrets -type f')).to.equal('');
  });

  it('leaves the helper in place of nothing: it is not in the runtime folder, nor is its socket in a slice', async () => {
    expect(await helper.sh('ls /proc/self/fd')).to.equal('0\n1\n2\n3\n');
    const names = readdirSync(join(helper.home.directory, 'runtime'));
    expect(names).to.not.include('runi-helper');
  });

  it('keeps the spawner at ten capabilities, undumpable', () => {
    const { pid } = helper.process;
    expect(readFileSync(`/proc/${pid}/status`, 'utf8')).to.match(
      /CapEff:\t00000000002414eb\nCapBnd:\t00000000002414eb/,
    );
  });

  async function end(slot: string): Promise<void> {
    const exit = helper.exitOf(slot);
    await helper.spawner.kill(slot);
    await exit;
  }

  function statusOf(pid: number, field: string): string {
    const line = readFileSync(`/proc/${pid}/status`, 'utf8').match(new RegExp(`^${field}:\\t(.*)$`, 'm'));
    return line?.[1] ?? '';
  }
});
