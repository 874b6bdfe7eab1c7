// Three servers with encryption at rest, from an open store to an encrypted one, through kill -9, a member that gets a
// snapshot, restarts and a change of the key, and back to an open one: words that were written stand in no file as long as the store
// is encrypted, and do stand there before and after.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import { type ApiObject, isApiError, type Kind, kinds } from '../../apis/index.ts';
import { present } from '../../base/index.ts';
import { HttpClient, urlsOf } from '../../client/index.ts';
import { canaryOf, sightings } from '../support/canary.ts';
import { type ClusterProcess, program, startCluster, type TestCluster } from '../support/cluster.ts';
import { freePorts } from '../support/etcd.ts';
import { isTrouble, pause } from '../support/on-top/roaming.ts';

const [one, two] = ['one', 'two'].map((id, at) => ({ id, key: Buffer.alloc(32, at + 1).toString('base64') }));
const open = { plain: true };
const deadlineMs = 120_000;

/** One word for each place of an object. */
interface Words {
  readonly name: string;
  readonly label: string;
  readonly annotation: string;
  readonly secret: string;
}

describe('three servers with encryption at rest', function () {
  this.timeout(600_000);
  let folder: string;
  let keyFile: string;
  let cluster: TestCluster;
  let clients: readonly HttpClient[] = [];
  const written: Words[] = [];

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'runink-keys-'));
    await mkdir(join(folder, 'scratch'));
    keyFile = join(folder, 'keys.json');
    await writeKeys(keyFile, open);
    const args = ['--servers', '3', '--isolation', 'none', '--encryption-key-file', keyFile];
    cluster = await startCluster(args, undefined, join(folder, 'scratch'));
    clients = urlsOf(cluster.client.raw.connection).map((url) => new HttpClient({ ...own(), url }));
  });
  after(async () => {
    for (const client of clients) client[Symbol.dispose]();
    await cluster?.stop();
    await rm(folder, { recursive: true });
  });

  it('writes in the open as long as the key file says so', async () => {
    const words = await write('open');
    await until('words are on disk', async () => (await seen(words)).size === 3);
    // Secrets are sealed before they reach the store.
    expect(await seen(words)).to.deep.equal(new Set(['name', 'label', 'annotation']));
  });

  it('is encrypted while it serves, and forgets what was in the open', async () => {
    await writeKeys(keyFile, one, open);
    await sealedWith('one');
    await write('first');
    await unseen();
    await writeKeys(keyFile, one);
  });

  it('shows nothing through kill -9 of the leader', async () => {
    await write('killed');
    const victim = await server(
      present(
        (await status()).find(({ isLeader }) => isLeader),
        'leader',
      ).name,
    );
    process.kill(victim.pid, 'SIGKILL');
    await isBack(victim);
    await agree();
    await unseen();
  });

  it('shows nothing in the snapshot that a new member gets', async () => {
    const [peer, port] = await freePorts(2);
    const [peers, data] = [join(cluster.directory, 'peers'), join(folder, 'scratch', 'joiner')];
    await done('barn', 'certs', '--dir', peers, '--member', 'joiner=127.0.0.1');
    const said = await done('barn', 'member', 'add', 'joiner', '--peer-urls', `https://127.0.0.1:${peer}`);
    const joining = present(/--initial-cluster (\S+)/.exec(said)?.[1], 'what to start it with');
    const url = `https://127.0.0.1:${port}`;
    const joiner = apiserver([
      ...['--name', 'joiner', '--data', data, '--pki', join(cluster.directory, 'pki'), '--listen-client-urls', url],
      ...['--initial-cluster', joining, '--initial-cluster-state', 'existing', '--encryption-key-file', keyFile],
      ...['--peer-cert-file', join(peers, 'joiner.crt'), '--peer-key-file', join(peers, 'joiner.key')],
      ...['--peer-trusted-ca-file', join(peers, 'ca.crt')],
    ]);
    try {
      await until(joiner.said, async () => joiner.said().includes('"ready":true'));
      using client = new HttpClient({ ...own(), url });
      const name = present(written.at(-1), 'what was written').name;
      await until('it knows what the others do', async () => (await client.get(kinds.herds, { name })) !== undefined);
      const { body } = await client.raw.request({ method: 'GET', path: '/metrics' });
      expect(await text(body)).to.match(/^runink_barn_snapshots_received_total [1-9]/m);
      await unseen();
    } finally {
      joiner.child.kill('SIGKILL');
      await joiner.ended;
    }
    await done('barn', 'member', 'remove', 'joiner');
  });

  it('changes its key while it serves, and needs the former one no more', async () => {
    await writeKeys(keyFile, two, one);
    await write('rotated');
    await sealedWith('two');
    await writeKeys(keyFile, two);
    const victims = await servers();
    for (const { pid } of victims) process.kill(pid, 'SIGKILL');
    for (const victim of victims) await isBack(victim);
    await agree();
    await unseen();
    for (const { name, secret } of written) {
      const found = await present(clients[0], 'a server').get(kinds.secrets, { namespace: 'default', name });
      expect(Buffer.from(found.data?.['word'] ?? '', 'base64').toString()).to.equal(secret);
    }
  });

  it('goes on with the keys it has when the file cannot be taken', async () => {
    await writeKeys(keyFile, one);
    await until('it is said', async () => (await logs()).includes('still needs the key \\"two\\"'));
    await chmod(keyFile, 0o644);
    await until('it is said', async () => (await logs()).includes('mode 0644'));
    await write('unmoved');
    await sealedWith('two');
    await unseen();
  });

  it('goes back to the open when it is told to, and then the words are there', async () => {
    await writeKeys(keyFile, open, two);
    await sealedWith('plain');
    const all = await Promise.all(written.map(seen));
    for (const words of all) expect(words).to.include.keys('name', 'label', 'annotation');
  });

  it('does not start without the key, and says which one it needs', async () => {
    const data = join(folder, 'alone');
    await writeKeys(keyFile, one);
    const first = apiserver(['--data', data, '--encryption-key-file', keyFile]);
    await until('it is ready', async () => first.said().includes('"ready":true'));
    first.child.kill('SIGKILL');
    await first.ended;
    await writeKeys(keyFile, two);
    expect(await ending(['--data', data, '--encryption-key-file', keyFile])).to.contain(
      'with the key "one", which is not',
    );
    expect(await ending(['--data', data])).to.contain('with the key "one", and no encryption keys were given');
    await writeKeys(keyFile, { ...two, id: 'one' });
    expect(await ending(['--data', data, '--encryption-key-file', keyFile])).to.contain('"one" is not the one that');
  });

  /** What of these words stands in any file of the cluster, its logs and temporary files included. */
  async function seen(words: Words): Promise<Set<string>> {
    const found = await sightings([cluster.directory, join(folder, 'scratch')], Object.values(words));
    const names = Object.entries(words);
    return new Set(found.map(({ word }) => present(names.find(([, each]) => each === word)?.[0], word)));
  }

  /** Until none of the words written so far stands anywhere; a log's segment that was let go of is overwritten a moment later. */
  async function unseen(): Promise<void> {
    const all = written.flatMap((words) => Object.values(words));
    let found: unknown;
    await until(
      () => `words are gone: ${JSON.stringify(found)}`,
      async () => {
        const left = await sightings([cluster.directory, join(folder, 'scratch')], all);
        found = left;
        return left.length === 0;
      },
    );
  }

  async function write(when: string): Promise<Words> {
    const words = {
      name: canaryOf(`${when}-name`),
      label: canaryOf(`${when}-label`),
      annotation: canaryOf(`${when}-note`),
      secret: canaryOf(`${when}-word`),
    };
    written.push(words);
    const { name } = words;
    const labels = { canary: words.label };
    const data = { word: Buffer.from(words.secret).toString('base64') };
    await create(kinds.secrets, {
      ...{ apiVersion: 'v1', kind: 'Secret', data },
      metadata: { name, namespace: 'default', labels },
    });
    const annotations = { note: words.annotation };
    await create(kinds.herds, { apiVersion: 'runink.io/v1', kind: 'Herd', metadata: { name, annotations } });
    return words;
  }

  /** Done once, at one server or another. */
  async function create<T extends ApiObject>(kind: Kind<T>, object: T): Promise<void> {
    let at = 0;
    await until(`${kind.kind} is made`, async () => {
      try {
        await present(clients[at++ % clients.length], 'a server').create(kind, object);
      } catch (cause) {
        // What had no answer may have been done.
        if (isApiError(cause, 'AlreadyExists')) return true;
        if (isTrouble(cause)) return false;
        throw cause;
      }
      return true;
    });
  }

  async function servers(): Promise<readonly ClusterProcess[]> {
    return (await cluster.processes()).filter(({ role }) => role === 'apiserver');
  }

  async function server(name: string): Promise<ClusterProcess> {
    return present(
      (await servers()).find((each) => each.name === name),
      name,
    );
  }

  async function status(): Promise<readonly Row[]> {
    const { stdout } = await cluster.runictl(['barn', 'status', '-o', 'json']);
    return stdout === '' ? [] : (JSON.parse(stdout) as { readonly members: readonly Row[] }).members;
  }

  const agree = (): Promise<void> =>
    until('members agree', async () => (await cluster.runictl(['barn', 'status'])).code === 0);

  /** Until no member needs anything but this key. */
  const sealedWith = (key: string): Promise<void> =>
    until(`all is sealed with ${key}`, async () => {
      const members = await status();
      return members.length === 3 && members.every(({ keys, errors }) => keys === key && errors.length === 0);
    });

  /** Until dev has started a server again. */
  const isBack = ({ name, pid }: ClusterProcess): Promise<void> =>
    until(`${name} is back`, async () => (await servers()).some((each) => each.name === name && each.pid !== pid));

  /** How an admin finds the servers, without where. */
  function own() {
    const { otherUrls: _others, url: _url, ...connection } = cluster.client.raw.connection;
    return connection;
  }

  /** What a command of runictl says that must do well. */
  async function done(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await cluster.runictl(args);
    expect(code, stderr).to.equal(0);
    return stdout;
  }

  async function logs(): Promise<string> {
    const folderOfLogs = join(cluster.directory, 'logs');
    const files = (await readdir(folderOfLogs)).map((name) => readFile(join(folderOfLogs, name), 'utf8'));
    return (await Promise.all(files)).join('');
  }
});

/** As a member is shown by `runictl barn status -o json`. */
interface Row {
  readonly name: string;
  readonly endpoint: string;
  readonly isLeader: boolean;
  readonly keys: string;
  readonly errors: readonly string[];
}

/** Whole or not at all, so that no server reads a half. */
async function writeKeys(path: string, ...keys: readonly unknown[]): Promise<void> {
  await writeFile(`${path}.new`, JSON.stringify({ keys }), { mode: 0o600 });
  await rename(`${path}.new`, path);
}

async function until(what: string | (() => string), holds: () => Promise<boolean>): Promise<void> {
  const deadline = AbortSignal.timeout(deadlineMs);
  while (!(await holds())) {
    if (deadline.aborted) throw new Error(`in ${deadlineMs} ms never: ${typeof what === 'string' ? what : what()}`);
    await pause(200);
  }
}

function apiserver(args: readonly string[]) {
  const child = spawn(program('bin/runink-apiserver'), args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = once(child, 'close');
  let words = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (piece: string) => (words += piece));
  return { child, ended, said: () => words };
}

/** What a server says that refuses to start. */
async function ending(args: readonly string[]): Promise<string> {
  const { child, ended, said } = apiserver(args);
  const tooLate = setTimeout(() => child.kill('SIGKILL'), deadlineMs);
  const [code] = await ended;
  clearTimeout(tooLate);
  expect(code, said()).to.equal(1);
  return said();
}
