// What every Spawner must do, whatever keeps its slices apart. Test support: each twin's test calls describeSpawner.
import { link, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { firstValueFrom, filter as keep } from 'rxjs';
import { type LaunchRequest, type SlotExit, SpawnError, type Spawner, type SpawnReason } from './spawner.ts';

/** A spawner with a writable volume `data` and a read-only one `fixed`, both offered to `herdUid`. */
export interface SpawnerFixture {
  readonly spawner: Spawner;
  readonly herdUid: string;
  /** The host's path of a volume. */
  volume(name: 'data' | 'fixed'): string;
  /** Makes the slot's places of agent and exchange, as the agent does before a launch. */
  prepare(slot: string): Promise<void>;
  /** What has come to the slot's log so far, as STREAM:text. */
  logOf(slot: string): string;
  close(): Promise<void>;
}

/** Declares the suite. */
export function describeSpawner(title: string, open: () => Promise<SpawnerFixture>): void {
  describe(title, () => {
    let fixture: SpawnerFixture;
    let slots = 0;
    before(async () => {
      fixture = await open();
    });
    after(() => fixture.close());

    const sh = (script: string): readonly string[] => ['/bin/sh', '-c', script];

    function request(more: Partial<LaunchRequest> & { readonly argv: readonly string[] }): LaunchRequest {
      return {
        slot: `s${++slots}`,
        herdUid: fixture.herdUid,
        env: { PATH: '/usr/bin:/bin' },
        stdin: 'null',
        stdout: 'log',
        limits: { memoryBytesMax: 128 * 1024 * 1024, cpuMillis: 1000, pidsMax: 32 },
        volumes: [],
        staging: [],
        edgesIn: [],
        edgesOut: [],
        secrets: [],
        fullProc: false,
        ...more,
      };
    }

    async function start(wanted: LaunchRequest): Promise<{ readonly pid: number; readonly exit: Promise<SlotExit> }> {
      const exit = firstValueFrom(fixture.spawner.exits$.pipe(keep(({ slot }) => slot === wanted.slot)));
      exit.catch(() => {});
      await fixture.prepare(wanted.slot);
      const { pid } = await fixture.spawner.launch(wanted);
      return { pid, exit };
    }

    async function run(wanted: LaunchRequest): Promise<SlotExit> {
      return (await start(wanted)).exit;
    }

    async function refused(reason: SpawnReason, action: () => Promise<unknown>): Promise<void> {
      try {
        await action();
      } catch (error) {
        expect(error).to.be.instanceOf(SpawnError);
        if (error instanceof SpawnError) expect(error.reason, error.message).to.equal(reason);
        return;
      }
      expect.fail(`not refused; expected ${reason}`);
    }

    const staging = (id: string) => ({ herdUid: fixture.herdUid, volume: 'data', id });

    async function stage(id: string, script: string): Promise<void> {
      const wanted = request({ argv: [], staging: [staging(id)] });
      const folder = fixture.spawner.view(wanted.slot).stage('data');
      const exit = await run({ ...wanted, argv: sh(`cd ${folder} && ${script}`) });
      expect(exit.exitCode).to.equal(0);
    }

    it('tells the exit code of the first process', async () => {
      const exit = await run(request({ argv: sh('exit 7') }));
      expect(exit).to.include({ exitCode: 7, signal: null, oomKilled: false });
    });

    it('tells the signal that ended the first process', async () => {
      const exit = await run(request({ argv: sh('kill -TERM $$; sleep 5') }));
      expect([exit.exitCode, exit.signal]).to.deep.equal([null, 15]);
    });

    it('brings stdout and stderr to the log of the slot, all of it before the exit is told', async () => {
      const wanted = request({ argv: sh('echo out; echo err >&2') });
      await run(wanted);
      expect(fixture.logOf(wanted.slot).split('\n').filter(Boolean).sort()).to.deep.equal(['1:out', '2:err']);
    });

    it('gives the environment asked for and nothing of its own', async () => {
      const wanted = request({ argv: ['/usr/bin/env'], env: { GREETING: 'good day' } });
      await run(wanted);
      const names = fixture.logOf(wanted.slot).match(/[A-Z_]+=/g);
      expect(fixture.logOf(wanted.slot)).to.contain('GREETING=good day');
      expect(names?.filter((name) => !['GREETING=', 'RUNINK_SLOT='].includes(name))).to.deep.equal([]);
    });

    it('reads a file of a volume and publishes what was staged', async () => {
      await writeFile(join(fixture.volume('fixed'), 'in.txt'), 'one\ntwo\n');
      const wanted = request({ argv: ['/bin/cat'], volumes: ['fixed'], staging: [staging('first')] });
      const view = fixture.spawner.view(wanted.slot);
      const exit = await run({
        ...wanted,
        stdin: { path: join(view.data('fixed'), 'in.txt') },
        stdout: { path: join(view.stage('data'), 'sink-out') },
      });
      expect(exit.exitCode).to.equal(0);
      const published = { staging: staging('first'), files: [{ staged: 'sink-out', target: 'deep/er/out.txt' }] };
      await fixture.spawner.publish(published);
      expect(await readFile(join(fixture.volume('data'), 'deep/er/out.txt'), 'utf8')).to.equal('one\ntwo\n');
      await fixture.spawner.publish(published);
      await fixture.spawner.discard(staging('first'));
      await fixture.spawner.discard(staging('first'));
      await fixture.spawner.publish(published);
    });

    it('replaces a target whole', async () => {
      await writeFile(join(fixture.volume('data'), 'replaced.txt'), 'old and longer\n');
      await stage('again', 'echo new > sink-out');
      await fixture.spawner.publish({
        staging: staging('again'),
        files: [{ staged: 'sink-out', target: 'replaced.txt' }],
      });
      expect(await readFile(join(fixture.volume('data'), 'replaced.txt'), 'utf8')).to.equal('new\n');
      await fixture.spawner.discard(staging('again'));
    });

    it('refuses to publish links, missing files and paths that leave the volume', async () => {
      await stage('bad', 'echo x > file && ln -s file soft && echo y > hard');
      const top = join(fixture.volume('data'), '.runink', 'bad');
      await link(join(top, 'hard'), join(fixture.volume('data'), 'other-name'));
      await mkdir(join(fixture.volume('data'), 'real'), { recursive: true });
      await symlink('/tmp', join(fixture.volume('data'), 'away'));
      const publish = (staged: string, target: string) => () =>
        fixture.spawner.publish({ staging: staging('bad'), files: [{ staged, target }] });
      await refused('Refused', publish('soft', 'real/soft'));
      await refused('Refused', publish('hard', 'real/hard'));
      await refused('NotFound', publish('nothing', 'real/nothing'));
      await refused('Invalid', publish('file', '../out'));
      await refused('Invalid', publish('file', '/out'));
      await refused('Invalid', publish('file', '.runink/out'));
      await refused('Invalid', publish('../bad/file', 'real/out'));
      await refused('Refused', publish('file', 'away/out'));
      await rm(join(fixture.volume('data'), 'away'));
      await fixture.spawner.discard(staging('bad'));
    });

    it('refuses a volume that is not there, and staging on one that is read-only', async () => {
      await refused('NotFound', () => run(request({ argv: sh('true'), volumes: ['nowhere'] })));
      const fixed = { herdUid: fixture.herdUid, volume: 'fixed', id: 'x' };
      await refused('Refused', () => run(request({ argv: sh('true'), staging: [fixed] })));
    });

    it('joins two slots by an edge', async () => {
      const writer = request({ argv: sh('echo over the edge'), edgesOut: ['edge-1'] });
      const reader = request({ argv: ['/bin/cat'], edgesIn: ['edge-1'] });
      const { spawner } = fixture;
      const [first, second] = await Promise.all([
        run({ ...writer, stdout: { path: spawner.view(writer.slot).edgeOut(0) } }),
        run({ ...reader, stdin: { path: spawner.view(reader.slot).edgeIn(0) } }),
      ]);
      expect([first.exitCode, second.exitCode]).to.deep.equal([0, 0]);
      expect(fixture.logOf(reader.slot)).to.equal('1:over the edge\n');
    });

    it('shows secrets as files', async () => {
      const wanted = request({ argv: [], secrets: [{ path: 'login/password', bytes: Buffer.from('hush') }] });
      await run({ ...wanted, argv: ['/bin/cat', join(fixture.spawner.view(wanted.slot).secrets, 'login/password')] });
      expect(fixture.logOf(wanted.slot)).to.equal('1:hush\n');
    });

    it('shows a bundle by its hash', async () => {
      const hash = 'ab'.repeat(32);
      await mkdir(join(fixture.spawner.bundles, hash), { recursive: true, mode: 0o755 });
      await writeFile(join(fixture.spawner.bundles, hash, 'index.mjs'), 'hello\n', { mode: 0o644 });
      const wanted = request({ argv: [], bundle: hash });
      await run({ ...wanted, argv: ['/bin/cat', join(fixture.spawner.view(wanted.slot).step, 'index.mjs')] });
      expect(fixture.logOf(wanted.slot)).to.equal('1:hello\n');
    });

    it('kills everything a slot started, sessions of their own included', async () => {
      const wanted = request({ argv: sh('setsid sleep 1000 & sleep 1000 & wait') });
      const { exit } = await start(wanted);
      await fixture.spawner.kill(wanted.slot);
      expect((await exit).signal).to.equal(9);
      await fixture.spawner.kill(wanted.slot);
      await fixture.spawner.kill('unknown');
    });

    it('ends a slot with its first process, and frees its name', async () => {
      const wanted = request({ argv: sh('sleep 1000 & exit 0') });
      expect((await run(wanted)).exitCode).to.equal(0);
      expect((await run({ ...wanted, argv: sh('exit 3') })).exitCode).to.equal(3);
    });

    it('refuses a slot that is in use', async () => {
      const wanted = request({ argv: sh('sleep 1000') });
      const { exit } = await start(wanted);
      await refused('Invalid', () => fixture.spawner.launch(wanted));
      await fixture.spawner.kill(wanted.slot);
      await exit;
    });
  });
}
