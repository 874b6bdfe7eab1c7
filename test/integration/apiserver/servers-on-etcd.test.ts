// Two API servers as processes on one real etcd, and a client that knows both.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { kinds, type Pipeline } from '../../../apis/index.ts';
import { exitOnStdinEofVariable, silentLog, systemClock, systemRandom } from '../../../base/index.ts';
import { HttpClient, Informer, loadKubeconfig, urlsOf } from '../../../client/index.ts';
import { etcdUnavailable, startEtcd, type TestEtcd } from '../../support/etcd.ts';

const program = fileURLToPath(new URL('../../../bin/runink-apiserver', import.meta.url));
const readyMsMax = 60_000;
const seenMsMax = 60_000;

const pipeline = (name: string): Pipeline => ({
  apiVersion: 'runink.io/v1',
  kind: 'Pipeline',
  metadata: { name, namespace: 'default' },
  spec: { steps: [{ name: 'a', use: 'filter' }] },
});

describe('apiserver: two servers on one etcd', function () {
  this.timeout(180_000);
  let etcd: TestEtcd;
  let folder: string;
  let urls: string[];
  let client: HttpClient;
  const servers: ChildProcess[] = [];

  before(async function () {
    if (etcdUnavailable !== undefined) return this.skip();
    etcd = await startEtcd();
    folder = await mkdtemp(join(tmpdir(), 'servers-on-etcd-'));
    urls = (await freePorts(2)).map((port) => `https://127.0.0.1:${port}`);
    await Promise.all([start(0), start(1)]);
    client = new HttpClient(await loadKubeconfig(join(folder, 's0', 'admin.kubeconfig')));
  });
  after(async () => {
    client?.[Symbol.dispose]();
    await Promise.all(servers.map((server) => end(server, 'SIGKILL')));
    await etcd?.stop();
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  });

  async function start(index: number): Promise<void> {
    const server = spawn(
      process.execPath,
      [
        program,
        ...['--data', join(folder, `s${index}`), '--pki', join(folder, 'pki'), '--name', `s${index}`],
        ...['--listen-client-urls', urls[index] ?? '', '--api-servers', urls.join(',')],
        ...['--store', 'etcd', '--etcd-endpoints', etcd.endpoints.join(',')],
      ],
      {
        stdio: ['pipe', 'pipe', 'inherit'],
        env: { PATH: process.env['PATH'] ?? '', [exitOnStdinEofVariable]: '1', RUNINK_LOG_LEVEL: 'error' },
      },
    );
    servers[index] = server;
    const ended = once(server, 'close').then(() => {
      throw new Error(`server ${index} ended before it was ready`);
    });
    ended.catch(() => undefined);
    const lines = createInterface({ input: server.stdout });
    await Promise.race([once(lines, 'line', { signal: AbortSignal.timeout(readyMsMax) }), ended]);
  }

  it('are both in the kubeconfig, the one that wrote it first', async () => {
    for (const [index, own] of urls.entries()) {
      const [first, ...others] = urlsOf(await loadKubeconfig(join(folder, `s${index}`, 'admin.kubeconfig')));
      expect([first, others]).to.deep.equal([own, urls.filter((url) => url !== own)]);
    }
  });

  it('lose no event of a watch and no write when one is killed, stopped and started again', async () => {
    const deps = { client, clock: systemClock, random: systemRandom, log: silentLog };
    await using informer = new Informer(deps, { kind: kinds.pipelines, namespace: 'default' });
    const seen: string[] = [];
    let look: () => void = () => {};
    informer.events$.subscribe((event) => {
      seen.push(`${event.type} ${event.object.metadata.name ?? ''}`);
      look();
    });
    informer.start();
    await informer.synced;
    const heard = (count: number) =>
      new Promise<void>((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`heard ${seen.join(', ')} only`)), seenMsMax);
        look = () => {
          if (seen.length < count) return;
          clearTimeout(timer);
          resolve();
        };
        look();
      });

    await client.create(kinds.pipelines, pipeline('p1'));
    await heard(1);
    // The one that the client is on.
    await end(servers[0], 'SIGKILL');
    await client.get(kinds.pipelines, { namespace: 'default', name: 'p1' });
    await client.create(kinds.pipelines, pipeline('p2'));
    await heard(2);
    await start(0);
    await end(servers[1], 'SIGTERM');
    await client.get(kinds.pipelines, { namespace: 'default', name: 'p2' });
    await client.create(kinds.pipelines, pipeline('p3'));
    await heard(3);
    expect(seen).to.deep.equal(['added p1', 'added p2', 'added p3']);
  });
});

async function end(server: ChildProcess | undefined, signal: NodeJS.Signals): Promise<void> {
  if (server === undefined || server.exitCode !== null || server.signalCode !== null) return;
  const closed = once(server, 'close');
  server.kill(signal);
  await closed;
}

/** Ports that were free a moment ago; all are held until the last is found. */
async function freePorts(count: number): Promise<number[]> {
  const holders = await Promise.all(
    Array.from({ length: count }, async () => {
      const holder = createServer().listen(0, '127.0.0.1');
      await once(holder, 'listening');
      return holder;
    }),
  );
  const ports = holders.map((holder) => {
    const at = holder.address();
    return at === null || typeof at === 'string' ? 0 : at.port;
  });
  await Promise.all(holders.map((holder) => new Promise((resolve) => holder.close(resolve))));
  return ports;
}
