import { once } from 'node:events';
import { chmodSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import { type HelperFixture, onHelper, readFrames } from './fixture.ts';

describe('runi-agent: pid 1 of a slice', function () {
  this.timeout(60_000);
  let helper: HelperFixture;
  if (!onHelper((opened) => (helper = opened))) return;

  it('reaps orphans, so that they count no more', async () => {
    const script =
      'i=0; while [ $i -lt 60 ]; do sh -c "true &"; i=$((i+1)); done; sleep 0.2; ls /proc | grep -c "^[0-9]"';
    const limits = { memoryBytesMax: 64 << 20, cpuMillis: 1000, pidsMax: 12 };
    const { pidsRefused, exitCode } = await helper.run(['/bin/sh', '-c', script], { limits });
    expect([pidsRefused, exitCode]).to.deep.equal([0, 0]);
  });

  it('passes signals on to the first process', async () => {
    const script = 'trap "echo told; exit 5" TERM; echo ready; while :; do sleep 0.05; done';
    const { slot, pid } = await helper.stay(script);
    const exit = helper.exitOf(slot);
    while (!helper.logOf(slot).includes('ready')) await new Promise((resolve) => setTimeout(resolve, 10));
    process.kill(pid, 'SIGTERM');
    expect([(await exit).exitCode, helper.logOf(slot)]).to.deep.equal([5, '1:ready\n1:told\n']);
  });

  it('leaves the first process no signal blocked or ignored, and three descriptors', async () => {
    const status = await helper.sh("grep -E '^Sig(Blk|Ign)' /proc/self/status | cut -f2; ls /proc/self/fd | wc -l");
    expect(status).to.equal('0000000000000000\n0000000000000000\n4\n');
  });

  it('holds nothing of the environment that a process of the slice could read', async () => {
    const { slot, pid } = await helper.stay('sleep 100', { env: { TOKEN: 'hush', PATH: '/bin' } });
    expect(readFileSync(`/proc/${pid}/environ`, 'utf8')).to.not.include('hush');
    const exit = helper.exitOf(slot);
    await helper.spawner.kill(slot);
    await exit;
  });

  it('carries megabytes of output, whole and in order', async () => {
    const { log } = await helper.run(['/bin/sh', '-c', 'seq 1 200000']);
    const lines = log.replace(/^1:/gm, '').split('\n').filter(Boolean).join('');
    expect(lines).to.equal(Array.from({ length: 200_000 }, (_, index) => index + 1).join(''));
  });

  it('leads stdin and stdout to files and nowhere', async () => {
    const staging = [{ herdUid: 'herd-1', volume: 'data', id: 'streams' }];
    const stdout = { path: '/stage/data/out' };
    await helper.run(['/bin/sh', '-c', 'echo data; cat'], { staging, stdout });
    const file = join(helper.volume('data'), '.runink/streams/out');
    expect(readFileSync(file, 'utf8')).to.equal('data\n');
    await helper.run(['/bin/cat'], {
      staging,
      stdin: { path: '/stage/data/out' },
      stdout: { path: '/stage/data/copy' },
    });
    expect(readFileSync(join(file, '../copy'), 'utf8')).to.equal('data\n');
    expect((await helper.run(['/bin/echo', 'unheard'], { stdout: 'null' })).log).to.equal('');
    await helper.spawner.discard({ herdUid: 'herd-1', volume: 'data', id: 'streams' });
  });

  it('says on the log why a program did not start after all', async () => {
    writeFileSync(join(helper.volume('fixed'), 'broken'), '#!/no/such/shell\n', { mode: 0o755 });
    const { exitCode, log } = await helper.run(['/data/fixed/broken'], { volumes: ['fixed'] });
    expect([exitCode, log]).to.deep.equal([127, '2:runi-init: run /data/fixed/broken: No such file or directory\n']);
  });

  it('drops output where there is no log socket from the start', async () => {
    const request = helper.request(['/bin/sh', '-c', 'seq 1 100000; exit 4']);
    await helper.prepare(request.slot);
    rmSync(join(helper.home.state, 'exchange', request.slot, 'log.sock'));
    helper.forgetLog(request.slot);
    const exit = helper.exitOf(request.slot);
    await helper.spawner.launch(request);
    expect((await exit).exitCode).to.equal(4);
  });

  it('keeps what was in hand over a short break of the log', async () => {
    const log = await LogTwice.open(helper, 'echo one; sleep 0.3; echo two; sleep 0.3; echo three');
    await log.waitFor('one');
    await log.breakOff();
    await log.listen();
    await log.exit;
    expect(log.text()).to.equal('1:one\n1:two\n1:three\n');
    log.close();
  });

  it('lets the step go on when the log is gone for good, and counts what it dropped', async () => {
    const log = await LogTwice.open(helper, 'echo one; sleep 0.2; seq 1 60000; sleep 1.5; echo end; sleep 0.5');
    await log.waitFor('one');
    await log.breakOff();
    await new Promise((resolve) => setTimeout(resolve, 1_600));
    await log.listen();
    await log.exit;
    expect(log.text()).to.match(/2:runi-init: \d+ bytes of output were dropped, as the log could not be reached\n/);
    expect(log.text()).to.include('1:end\n');
    log.close();
  });
});

/** A slot whose log socket breaks and comes again. */
class LogTwice {
  readonly exit: Promise<unknown>;
  readonly #path: string;
  readonly #chunks: Buffer[] = [];
  #server: Server | undefined;
  #sockets: Socket[] = [];

  private constructor(path: string, exit: Promise<unknown>) {
    this.#path = path;
    this.exit = exit;
  }

  static async open(helper: HelperFixture, script: string): Promise<LogTwice> {
    const request = helper.request(['/bin/sh', '-c', script]);
    await helper.prepare(request.slot);
    helper.forgetLog(request.slot);
    const log = new LogTwice(
      join(helper.home.state, 'exchange', request.slot, 'log.sock'),
      helper.exitOf(request.slot),
    );
    await log.listen();
    await helper.spawner.launch(request);
    return log;
  }

  async listen(): Promise<void> {
    rmSync(this.#path, { force: true });
    const server = createServer((socket) => {
      this.#sockets.push(socket);
      socket.on('data', (chunk) => this.#chunks.push(Buffer.from(chunk)));
      socket.on('error', () => {});
    });
    this.#server = server;
    server.listen(this.#path);
    await once(server, 'listening');
    chmodSync(this.#path, 0o622);
  }

  async breakOff(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#sockets = [];
    this.#server?.close();
  }

  async waitFor(text: string): Promise<void> {
    while (!this.text().includes(text)) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  text(): string {
    return readFrames(Buffer.concat(this.#chunks));
  }

  close(): void {
    this.#server?.close();
  }
}
