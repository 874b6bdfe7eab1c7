// Debian's etcd, which hack/setup fetched, on loopback with a data folder of its own; all is gone after `stop`.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

/** Where it lies; compiled tests run three folders deep. */
export const etcdPath = resolve(import.meta.dirname, '../../../.cache/etcd-3.4/etcd');
/** Why tests with etcd cannot run here, or undefined. */
export const etcdUnavailable = existsSync(etcdPath) ? undefined : 'hack/setup --test could not fetch etcd 3.4';

/** One member's process. */
export interface EtcdMember {
  readonly name: string;
  readonly endpoint: string;
  readonly pid: number;
  /** Ends it with the signal and waits until it is gone. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Starts it again on its data. */
  restart(): Promise<void>;
}

/** A group of members. */
export interface TestEtcd {
  readonly members: readonly EtcdMember[];
  readonly endpoints: readonly string[];
  stop(): Promise<void>;
}

const readyMsMax = 60_000;
const portAttemptsMax = 5;

/** Starts `count` members with `flags` besides their own, and waits until all serve. Throws where there is no etcd. */
export async function startEtcd(count = 1, flags: readonly string[] = fast): Promise<TestEtcd> {
  if (etcdUnavailable !== undefined) throw new Error(etcdUnavailable);
  for (let attempt = 1; ; attempt++) {
    const directory = await mkdtemp(join(tmpdir(), 'runink-etcd-'));
    const ports = await freePorts(count * 2);
    const members = Array.from(
      { length: count },
      (_, index) => new Member(directory, `m${index}`, ports[index * 2] ?? 0, ports[index * 2 + 1] ?? 0),
    );
    const cluster = members.map(({ name, peerUrl }) => `${name}=${peerUrl}`).join(',');
    const stop = async (): Promise<void> => {
      await Promise.all(members.map((member) => member.kill('SIGKILL')));
      await rm(directory, { recursive: true, force: true });
    };
    try {
      await Promise.all(members.map((member) => member.start(['--initial-cluster', cluster, ...flags])));
      return { members, endpoints: members.map(({ endpoint }) => endpoint), stop };
    } catch (error) {
      await stop();
      // Somebody else may have taken a port between our look and etcd's.
      if (attempt === portAttemptsMax || !String(error).includes('address already in use')) throw error;
    }
  }
}

/** Elects quickly, and takes transactions as large as a Barn's. */
export const fast = [
  ...['--heartbeat-interval', '50', '--election-timeout', '500'],
  ...['--max-request-bytes', String(17 * 1024 * 1024)],
];

class Member implements EtcdMember {
  readonly name: string;
  readonly endpoint: string;
  readonly peerUrl: string;
  readonly #directory: string;
  #args: readonly string[] = [];
  #child: ChildProcess | undefined;
  #said = '';

  constructor(directory: string, name: string, clientPort: number, peerPort: number) {
    this.#directory = directory;
    this.name = name;
    this.endpoint = `http://127.0.0.1:${clientPort}`;
    this.peerUrl = `http://127.0.0.1:${peerPort}`;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  async start(args: readonly string[]): Promise<void> {
    this.#args = args;
    this.#said = '';
    const own = [
      ...['--name', this.name, '--data-dir', join(this.#directory, this.name), '--logger', 'zap'],
      ...['--listen-client-urls', this.endpoint, '--advertise-client-urls', this.endpoint],
      ...['--listen-peer-urls', this.peerUrl, '--initial-advertise-peer-urls', this.peerUrl],
    ];
    const child = spawn(etcdPath, [...own, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#child = child;
    const serving = new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(this.#failed('did not serve in time')), readyMsMax);
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        this.#said = `${this.#said}${text}`.slice(-100_000);
        if (!this.#said.includes('serving client traffic') && !this.#said.includes('serving insecure client')) return;
        clearTimeout(timer);
        resolve();
      });
      child.once('exit', () => {
        clearTimeout(timer);
        reject(this.#failed('ended'));
      });
    });
    await serving;
  }

  restart(): Promise<void> {
    return this.start(this.#args);
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    await gone;
  }

  #failed(what: string): Error {
    return new Error(`etcd ${this.name} ${what}: ${this.#said.slice(-2_000)}`);
  }
}

/** Ports nobody has at this moment: for programs that cannot take any. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports: number[] = [];
  for (const server of servers) {
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const address = server.address();
    if (address !== null && typeof address === 'object') ports.push(address.port);
  }
  await Promise.all(servers.map((server) => new Promise((closed) => server.close(closed))));
  return ports;
}
