// `runictl barn snapshot save, verify, restore` with a real server, whose store is encrypted: its programs, its files, kill -9.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { isApiError, kinds } from '../../../apis/index.ts';
import { program } from '../../support/cluster.ts';
import { freshFolder, type Server, startServer } from './harness.ts';

const canary = 'canary-7f3a';

describe('runictl barn snapshot of a server on disk', function () {
  this.timeout(240_000);
  let directory: string;
  let server: Server;
  const flags = (): string[] => ['--encryption-key-file', join(directory, 'keys.json')];
  const startAgain = async (): Promise<void> => void (server = await startServer({ directory, flags: flags() }));

  before(async () => {
    directory = await freshFolder();
    const keys = ['one', 'other'].map(
      (id) => [id, { keys: [{ id, key: randomBytes(32).toString('base64') }] }] as const,
    );
    for (const [id, file] of keys)
      await writeFile(join(directory, id === 'one' ? 'keys.json' : 'other.json'), JSON.stringify(file), {
        mode: 0o600,
      });
    await startAgain();
    await put('first');
  });
  after(() => server.stop());

  async function put(name: string): Promise<number> {
    const labels = { [canary]: 'yes' };
    const metadata = { name, namespace: 'default', labels };
    const made = await server.client.create(kinds.serviceAccounts, {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata,
    });
    return Number(made.metadata.resourceVersion);
  }

  it('saves what is encrypted encrypted, and in the open only when told so', async () => {
    expect((await server.runictl(['barn', 'snapshot', 'save', 'copy.db'])).code).to.equal(0);
    expect((await server.runictl(['barn', 'snapshot', 'save', 'open.db', '--unencrypted'])).code).to.equal(0);
    const has = async (file: string): Promise<boolean> => (await readFile(join(directory, file))).includes(canary);
    expect([await has('copy.db'), await has('open.db')]).to.deep.equal([false, true]);
  });

  it('verifies what was saved, and nothing that is damaged', async () => {
    const { code, out } = await server.runictl(['barn', 'snapshot', 'verify', 'copy.db', '-o', 'json', ...flags()]);
    const { keys, revision } = JSON.parse(out) as { keys: number; revision: number };
    expect([code, keys > 3, revision > 3]).to.deep.equal([0, true, true]);
    expect((await server.runictl(['barn', 'snapshot', 'verify', 'open.db'])).out).to.match(
      /^HASH +REVISION +TOTAL KEYS/,
    );
    const bytes = await readFile(join(directory, 'copy.db'));
    await writeFile(join(directory, 'cut.db'), bytes.subarray(0, bytes.length - 1));
    bytes.writeUInt8(bytes.readUInt8(bytes.length >> 1) ^ 1, bytes.length >> 1);
    await writeFile(join(directory, 'flipped.db'), bytes);
    for (const file of ['cut.db', 'flipped.db']) {
      const bad = await server.runictl(['barn', 'snapshot', 'verify', file, ...flags()]);
      expect([file, bad.code, bad.err.includes(`error: ${file} is no good snapshot`)]).to.deep.equal([file, 1, true]);
    }
    const blind = await server.runictl(['barn', 'snapshot', 'verify', 'copy.db']);
    expect(blind.err).to.contain('is encrypted with the key "one", and no encryption keys were given');
  });

  it('restores it, and refuses what it must with the reason and nothing left', async () => {
    await put('second');
    await server.client.delete(kinds.serviceAccounts, { namespace: 'default', name: 'first' });
    const lastRevision = await put('third');
    await server.stop({ isKept: true });
    const restore = (file: string, ...more: string[]) =>
      server.runictl(['barn', 'snapshot', 'restore', file, '--data', directory, ...more]);
    for (const [words, file, ...more] of [
      ['it is not empty', 'copy.db', ...flags()],
      ['--skip-hash-check', 'copy.db', '--skip-hash-check'],
    ] as const)
      expect((await restore(file, ...more)).err, words).to.contain(words);
    await rename(join(directory, 'barn'), join(directory, 'barn-lost'));
    for (const [words, file, ...more] of [
      ['no encryption keys were given', 'copy.db'],
      ['is not among the given ones', 'copy.db', '--encryption-key-file', 'other.json'],
      ['is damaged', 'flipped.db', ...flags()],
    ] as const) {
      const { code, err } = await restore(file, ...more);
      expect([code, err.includes(words), err]).to.deep.equal([1, true, err]);
      expect([existsSync(join(directory, 'barn')), existsSync(join(directory, 'barn.restoring'))], words).to.deep.equal(
        [false, false],
      );
    }
    const { code, out, err } = await restore('copy.db', '-o', 'json', ...flags());
    expect([code, err]).to.deep.equal([0, '']);
    const { revision } = JSON.parse(out) as { revision: number };
    expect(revision).to.be.greaterThan(lastRevision);
    await startAgain();
    const { items } = await server.client.list(kinds.serviceAccounts, { namespace: 'default' });
    expect(items.map(({ metadata }) => metadata.name)).to.have.members(['default', 'first']);
    expect(await put('fourth')).to.be.greaterThan(revision);
    const old = async (): Promise<void> => {
      const since = {
        namespace: 'default',
        resourceVersion: String(lastRevision),
        signal: AbortSignal.timeout(30_000),
      };
      for await (const event of server.client.watch(kinds.serviceAccounts, since)) void event;
    };
    expect(isApiError(await old().catch((error: unknown) => error), 'Expired', 'Gone')).to.equal(true);
  });

  it('leaves nothing that starts with less when it is killed, and succeeds the next time', async () => {
    await server.runictl(['barn', 'snapshot', 'save', 'last.db']);
    const target = join(directory, 'killed');
    const whole = await readFile(join(directory, 'last.db'));
    // The first waits for ever for the rest of its file; where in their work the others are met does not matter.
    const pipe = join(directory, 'pipe.db');
    await once(spawn('mkfifo', [pipe]), 'close');
    for (const [file, waitMs] of [
      [pipe, 0],
      ...[0, 5, 20].map((ms) => [join(directory, 'last.db'), ms] as const),
    ] as const) {
      await rm(target, { recursive: true, force: true });
      await mkdir(target);
      const argv = ['snapshot', 'restore', file, '--data', target, ...flags()];
      const child = spawn(process.execPath, [program('bin/runink-apiserver'), ...argv], { stdio: 'ignore' });
      const ended = once(child, 'close');
      const writing = file === pipe ? await open(pipe, 'w') : undefined;
      await writing?.write(whole.subarray(0, whole.length - 1));
      while (!existsSync(join(target, 'barn.restoring')) && child.exitCode === null) await pause(1);
      await pause(waitMs);
      child.kill('SIGKILL');
      await ended;
      await writing?.close();
      if (existsSync(join(target, 'barn'))) expect(existsSync(join(target, 'barn', 'member.json'))).to.equal(true);
      else if (existsSync(join(target, 'barn.restoring'))) await doesNotStart(target);
      if (file === pipe) expect(existsSync(join(target, 'barn.restoring'))).to.equal(true);
    }
    if (existsSync(join(target, 'barn.restoring'))) {
      const again = await server.runictl(['barn', 'snapshot', 'restore', 'last.db', '--data', 'killed', ...flags()]);
      expect(again.code, again.err).to.equal(0);
    }
    expect(existsSync(join(target, 'barn', 'member.json'))).to.equal(true);
  });

  async function doesNotStart(data: string): Promise<void> {
    const argv = [program('bin/runink-apiserver'), '--data', data, ...flags()];
    const refused = spawn(process.execPath, argv, { stdio: ['ignore', 'ignore', 'pipe'] });
    let words = '';
    refused.stderr.setEncoding('utf8').on('data', (text: string) => (words += text));
    await once(refused, 'close');
    expect(words).to.contain('a restore into it was cut short');
  }
});

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
