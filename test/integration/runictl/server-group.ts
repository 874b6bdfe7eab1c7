// API servers that keep their store as one group, each a process with a folder and peer certificates of its own, and a client
// that writes all the time.
import { X509Certificate } from 'node:crypto';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import { connect } from 'node:tls';
import { isApiError, kinds } from '../../../apis/index.ts';
import { present, systemClock } from '../../../base/index.ts';
import { ensurePeers, writePrivate } from '../../../pki/index.ts';
import { freePorts } from '../../support/etcd.ts';
import { freshFolder, type Server, startServer } from './harness.ts';

const deadlineMs = 60_000;
const host = '127.0.0.1';
/** A server that takes a connection is silent so long; one that does not has cut it by then, or is asked again. */
const heardMs = 300;
/** Nobody stands for election because this machine stands still for a moment. */
const timers = ['--heartbeat-interval', '400', '--election-timeout', '8000'];

interface Place {
  readonly port: number;
  readonly peerPort: number;
}

/** The servers by the names of their members. */
export class ServerGroup {
  readonly folder: string;
  readonly #places: ReadonlyMap<string, Place>;
  readonly #running = new Map<string, Server>();

  /** Makes room and certificates for servers with these names; none runs. */
  static async prepare(names: readonly string[]): Promise<ServerGroup> {
    const folder = await freshFolder();
    const ports = await freePorts(2 * names.length);
    const places = new Map(
      names.map((name, at) => [name, { port: ports[2 * at] ?? 0, peerPort: ports[2 * at + 1] ?? 0 }]),
    );
    const group = new ServerGroup(folder, places);
    await group.certify('peers');
    for (const name of names) {
      await group.deliverAuthority(name, ['peers']);
      await group.deliver(name, 'peers');
    }
    return group;
  }

  private constructor(folder: string, places: ReadonlyMap<string, Place>) {
    this.folder = folder;
    this.#places = places;
  }

  /** What `runictl barn certs` makes, in a folder of that name. */
  async certify(from: string): Promise<void> {
    const members = [...this.#places.keys()].map((name) => ({ name, hosts: [host] }));
    await ensurePeers(join(this.folder, from), members, systemClock);
  }

  /** Gives a server its certificate and key out of a folder. */
  async deliver(name: string, from: string): Promise<void> {
    await mkdir(this.tls(name, ''), { recursive: true });
    for (const suffix of ['key', 'crt'])
      await writePrivate(
        this.tls(name, `peer.${suffix}`),
        await readFile(join(this.folder, from, `${name}.${suffix}`), 'utf8'),
      );
  }

  /** Lets a server trust the authorities of these folders. */
  async deliverAuthority(name: string, from: readonly string[]): Promise<void> {
    await mkdir(this.tls(name, ''), { recursive: true });
    const texts = await Promise.all(from.map((folder) => readFile(join(this.folder, folder, 'ca.crt'), 'utf8')));
    await writePrivate(this.tls(name, 'ca.crt'), texts.join('\n'));
  }

  /** A file of a server's peer certificate. */
  tls(name: string, file: string): string {
    return join(this.folder, 'tls', name, file);
  }

  data(name: string): string {
    return join(this.folder, name);
  }

  peerUrl(name: string): string {
    return `https://${host}:${this.#place(name).peerPort}`;
  }

  url(name: string): string {
    return `https://${host}:${this.#place(name).port}`;
  }

  /** NAME=URL,… as flags have it. */
  cluster(names: readonly string[]): string {
    return names.map((name) => `${name}=${this.peerUrl(name)}`).join(',');
  }

  async start(name: string, cluster: string, state: 'new' | 'existing'): Promise<void> {
    const { port } = this.#place(name);
    const urls = [...this.#places.keys()].map((other) => this.url(other));
    const own = [
      '--name',
      name,
      '--port',
      String(port),
      '--pki',
      join(this.folder, 'pki'),
      '--api-servers',
      urls.join(','),
    ];
    const peers = ['--peer-cert-file', this.tls(name, 'peer.crt'), '--peer-key-file', this.tls(name, 'peer.key')];
    const flags = [
      ...own,
      ...timers,
      ...['--initial-cluster', cluster, '--initial-cluster-state', state],
      ...peers,
      ...['--peer-trusted-ca-file', this.tls(name, 'ca.crt')],
    ];
    this.#running.set(name, await startServer({ directory: this.data(name), flags }));
  }

  server(name: string): Server {
    return present(this.#running.get(name), `a running ${name}`);
  }

  async stop(name: string): Promise<void> {
    const server = this.server(name);
    this.#running.delete(name);
    await server.stop({ isKept: true });
  }

  /** kill -9. */
  async kill(name: string): Promise<void> {
    const server = this.server(name);
    this.#running.delete(name);
    await server.kill();
  }

  /** `runictl barn …` beside this server; throws when it fails. */
  async barn(name: string, ...argv: readonly string[]): Promise<string> {
    const { code, out, err } = await this.server(name).runictl(['barn', ...argv]);
    if (code !== 0) throw new Error(`runictl barn ${argv.join(' ')} at ${name}: ${out}${err}`);
    return out;
  }

  /** As `barn`, again and again until it goes well. */
  patient(name: string, ...argv: readonly string[]): Promise<string> {
    return until(() => this.barn(name, ...argv));
  }

  /** The names of the members, in order. */
  async members(name: string): Promise<readonly string[]> {
    const { members } = JSON.parse(await this.patient(name, 'member', 'list', '-o', 'json')) as {
      members: { readonly name: string }[];
    };
    return members.map((member) => member.name).sort();
  }

  /** The rows of `barn status` by name, when all is well. */
  async status(name: string): Promise<ReadonlyMap<string, StatusRow>> {
    const { members } = JSON.parse(await this.patient(name, 'status', '-o', 'json')) as { members: StatusRow[] };
    return new Map(members.map((row) => [row.name, row]));
  }

  /** A number of a server's metrics; 0 when it is not there. */
  async metric(name: string, line: string): Promise<number> {
    const { body } = await this.server(name).client.raw.request({ method: 'GET', path: '/metrics' });
    const text = (await buffer(body)).toString();
    const found = text.split('\n').find((one) => one.startsWith(`${line} `));
    return Number(found?.slice(line.length) ?? 0);
  }

  /** The term in which all are well. */
  async term(name: string): Promise<string> {
    const terms = new Set([...(await this.status(name)).values()].map((row) => row.term));
    return [...terms].join(' and ');
  }

  /** How often a server has taken, or refused, changed files of its peer certificate. */
  reloads(name: string, result: 'success' | 'failure'): Promise<number> {
    return this.metric(name, `runink_apiserver_certificate_reloads_total{certificate="peer",result="${result}"}`);
  }

  /** Resolves when it was at least so often. */
  async reloaded(name: string, result: 'success' | 'failure', count: number): Promise<void> {
    await until(async () => {
      const seen = await this.reloads(name, result);
      if (seen < count) throw new Error(`${name} has counted ${result} ${seen} times of ${count}`);
    });
  }

  /** The certificate that a server shows to a new connection of one with that member's files. */
  shown(name: string, as: string): Promise<string> {
    return this.#dial(name, [this.tls(as, 'ca.crt'), this.tls(as, 'peer.crt'), this.tls(as, 'peer.key')]);
  }

  /** Resolves when a server cuts off whoever shows a certificate of these files, and trusts what the server shows. */
  async refuses(name: string, credentials: string): Promise<void> {
    const [crt, key] = ['crt', 'key'].map((suffix) => join(this.folder, `${credentials}.${suffix}`));
    const shown = await this.#dial(name, [this.tls(name, 'ca.crt'), crt ?? '', key ?? '']).catch(() => undefined);
    if (shown !== undefined) throw new Error(`${name} lets ${credentials} in`);
  }

  /** The serial number of what the server shows. In TLS 1.3 it says only after the handshake that it takes nobody: it stays silent then. */
  async #dial(name: string, [ca = '', crt = '', key = '']: readonly string[]): Promise<string> {
    const given = { ca: await readFile(ca), cert: await readFile(crt), key: await readFile(key) };
    const port = this.#place(name).peerPort;
    return new Promise((resolve, reject) => {
      const socket = connect({ host, port, ...given, checkServerIdentity: () => undefined });
      socket.once('error', reject);
      socket.once('close', () => reject(new Error(`${name} closed the connection`)));
      socket.once('secureConnect', () => {
        const serial = socket.getPeerX509Certificate()?.serialNumber ?? '';
        // A refusal comes with the next thing that is heard; who is taken hears a ping, or nothing for a while.
        setTimeout(() => {
          resolve(serial);
          socket.destroy();
        }, heardMs);
        socket.resume();
      });
    });
  }

  async close(): Promise<void> {
    await Promise.all([...this.#running.keys()].map((name) => this.kill(name)));
    await rm(this.folder, { recursive: true, force: true });
  }

  #place(name: string): Place {
    return present(this.#places.get(name), `a server named ${name}`);
  }
}

/** What a row of `barn status` has. */
export interface StatusRow {
  readonly name: string;
  readonly term: string;
  readonly isLeader: boolean;
  readonly isLearner: boolean;
}

/** The serial number of the certificate in a file. */
export async function serialIn(file: string): Promise<string> {
  return new X509Certificate(await readFile(file)).serialNumber;
}

/** Asks again until there is an answer without an error; throws the last one at the deadline. */
export async function until<T>(ask: () => Promise<T>): Promise<T> {
  const endMs = Date.now() + deadlineMs;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (Date.now() > endMs) throw new Error('not in time', { cause: error });
      await pause(100);
    }
  }
}

/** A client that creates objects one after another, turning from server to server, and knows which of them it was promised. */
export class Load {
  readonly promised: string[] = [];
  readonly #server: Server;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;

  constructor(server: Server) {
    this.#server = server;
    this.#running = this.#run();
  }

  /** Resolves when so many more were promised. */
  async goesOn(count = 20): Promise<void> {
    const from = this.promised.length;
    await until(async () => {
      if (this.promised.length < from + count) throw new Error(`${this.promised.length - from} writes`);
    });
  }

  async end(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  /** Stops, and gives what was promised and is not there as a server tells it. */
  async missing(server: Server): Promise<readonly string[]> {
    await this.end();
    const { items } = await server.client.list(kinds.serviceAccounts, { namespace: 'default' });
    const names = new Set(items.map(({ metadata }) => metadata.name));
    return this.promised.filter((name) => !names.has(name));
  }

  async #run(): Promise<void> {
    for (let count = 1; !this.#stop.signal.aborted; count++) {
      const name = `load-${count}`;
      const metadata = { name, namespace: 'default' };
      try {
        await this.#server.client.create(kinds.serviceAccounts, { apiVersion: 'v1', kind: 'ServiceAccount', metadata });
        this.promised.push(name);
      } catch (error) {
        // It may have been done or not: nothing was promised.
        if (!isApiError(error)) throw error;
      }
      await pause(10);
    }
  }
}
