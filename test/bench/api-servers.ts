// API servers as processes, alone or as a group, on fresh folders; and the load's process beside them.
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { present, systemClock } from '../../base/index.ts';
import { ensurePeers } from '../../pki/index.ts';
import { freePorts } from '../support/etcd.ts';
import type { Measured, RequestLoad } from './api-load.ts';
import type { WatchLoad, WatchMeasured } from './api-watchers.ts';
import type { Peer } from './api-wire.ts';

type Program = ChildProcessByStdio<Writable, Readable, null>;

/** Servers of one store. */
export interface ApiServers {
  readonly peers: readonly Peer[];
  stop(): Promise<void>;
}

const program = join(import.meta.dirname, '../../bin/runink-apiserver');
const loadProgram = join(import.meta.dirname, 'api-load.js');
const readyMsMax = 60_000;
const host = '127.0.0.1';

/** Starts `count` servers that keep one store; `node` are flags for node itself. */
export async function startApiServers(count: number, node: readonly string[] = []): Promise<ApiServers> {
  const folder = await mkdtemp(join(tmpdir(), 'runink-bench-api-'));
  const names = Array.from({ length: count }, (_, index) => `m${index}`);
  const flags = await flagsOf(folder, names);
  const started: { child: Program; url: string }[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(started.map(({ child }) => ended(child)));
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await Promise.all(
      flags.map(async (own) => {
        const child = spawn(process.execPath, [...node, program, ...own], {
          stdio: ['pipe', 'pipe', 'inherit'],
          env: quiet,
        });
        const entry = { child, url: '' };
        started.push(entry);
        entry.url = await urlOf(child);
      }),
    );
    const read = (name: string) => readFile(join(folder, 'pki', name), 'utf8');
    const [ca, cert, key] = await Promise.all([read('ca.crt'), read('admin.crt'), read('admin.key')]);
    const peers = started.map(({ child, url }) => {
      const pid = present(child.pid, 'the process of a server');
      return { host, port: Number(new URL(url).port), pid, ca, cert, key };
    });
    return { peers, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

const quiet = { PATH: process.env['PATH'] ?? '', RUNINK_LOG_LEVEL: 'error' };

async function flagsOf(folder: string, names: readonly string[]): Promise<readonly (readonly string[])[]> {
  const shared = ['--pki', join(folder, 'pki')];
  if (names.length === 1) return [['--data', join(folder, 'm0'), '--port', '0', ...shared]];
  const tls = join(folder, 'tls');
  await ensurePeers(
    tls,
    names.map((name) => ({ name, hosts: [host] })),
    systemClock,
  );
  const ports = await freePorts(2 * names.length);
  const peerUrl = (index: number) => `https://${host}:${ports[2 * index] ?? 0}`;
  const cluster = names.map((name, index) => `${name}=${peerUrl(index)}`).join(',');
  return names.map((name, index) => [
    ...['--data', join(folder, name), '--name', name, '--port', String(ports[2 * index + 1] ?? 0), ...shared],
    ...['--initial-cluster', cluster, '--initial-cluster-state', 'new'],
    ...['--peer-cert-file', join(tls, `${name}.crt`), '--peer-key-file', join(tls, `${name}.key`)],
    ...['--peer-trusted-ca-file', join(tls, 'ca.crt')],
  ]);
}

function urlOf(child: Program): Promise<string> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`a server was not ready after ${readyMsMax} ms`)), readyMsMax);
    createInterface({ input: child.stdout }).once('line', (line) => {
      clearTimeout(timer);
      const { url }: { readonly url: string } = JSON.parse(line);
      resolve(url);
    });
    child.once('close', (code) => reject(new Error(`a server ended with ${code ?? 'a signal'}`)));
  });
}

async function ended(child: Program): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
  child.kill('SIGTERM');
  await closed;
}

/** The load's process. */
export class LoadProcess {
  readonly #child: Program;
  readonly #lines: AsyncIterator<string>;

  /** Starts it with connections to the servers in turn. */
  static async start(peers: readonly Peer[], connections: number): Promise<LoadProcess> {
    const child = spawn(process.execPath, [loadProgram, JSON.stringify(peers), String(connections)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const load = new LoadProcess(child, createInterface({ input: child.stdout }));
    await load.#line();
    return load;
  }

  private constructor(child: Program, lines: Interface) {
    this.#child = child;
    this.#lines = lines[Symbol.asyncIterator]();
  }

  async requests(load: Omit<RequestLoad, 'do'>): Promise<Measured> {
    this.#child.stdin.write(`${JSON.stringify({ do: 'requests', ...load })}\n`);
    return JSON.parse(await this.#line());
  }

  async watch(load: Omit<WatchLoad, 'do'>): Promise<WatchMeasured> {
    this.#child.stdin.write(`${JSON.stringify({ do: 'watch', ...load })}\n`);
    return JSON.parse(await this.#line());
  }

  stop(): Promise<void> {
    return ended(this.#child);
  }

  async #line(): Promise<string> {
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error('the load ended');
    return value;
  }
}
