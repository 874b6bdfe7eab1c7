// A server over real HTTPS on a free port, and a client that says nothing on its own.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { Agent, request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ApiLimits, type RunningServer, startServer } from '../../../apiserver/index.ts';
import { type Barn, createMemoryBarn } from '../../../barn/index.ts';
import { silentLog, systemClock, systemRandom } from '../../../base/index.ts';
import { HttpClient, loadKubeconfig } from '../../../client/index.ts';
import { placed } from '../../support/placed.ts';

export interface Answer {
  readonly code: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  /** The body as JSON, or undefined. */
  readonly body: Json;
}

/** JSON as tests read it: every path may be asked for. */
export interface Json {
  readonly [field: string]: Json;
}

export interface Ask {
  readonly as?: string;
  readonly token?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as it is when text, else as JSON. */
  readonly body?: unknown;
  readonly type?: string;
}

export interface TestServer {
  readonly url: string;
  readonly data: string;
  readonly barn: Barn;
  /** One request; `as` is the name of a kubeconfig (default admin), '' for no certificate. */
  ask(method: string, path: string, options?: Ask): Promise<Answer>;
  /** Opens a watch; lines come as events. */
  watch(path: string, as?: string): Promise<WatchHandle>;
  /** The agent with a client's certificate. */
  agentOf(name: string): Promise<Agent>;
  close(): Promise<void>;
}

export interface WatchHandle {
  readonly code: number;
  readonly events: readonly { readonly type: string; readonly object: Json }[];
  /** Whether the server has ended it. */
  readonly isEnded: boolean;
  /** Resolves when `until` holds; rejects after ten seconds. */
  wait(until: (events: WatchHandle['events']) => boolean): Promise<WatchHandle['events']>;
  stop(): void;
}

/** Starts a server with an own data folder and, unless given, a store in memory. */
export async function startTestServer(
  options: {
    readonly barn?: Barn;
    readonly data?: string;
    readonly pki?: string;
    readonly limits?: Partial<ApiLimits>;
    readonly tokenFile?: string;
  } = {},
): Promise<TestServer> {
  const data = options.data ?? (await mkdtemp(join(tmpdir(), 'apiserver-')));
  const barn = options.barn ?? createMemoryBarn();
  const server = await startServer({
    data,
    barn,
    port: 0,
    nodes: ['n1', 'n2'],
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
    version: 'test',
    ...(options.pki === undefined ? {} : { pki: options.pki }),
    ...(options.limits === undefined ? {} : { limits: options.limits }),
    ...(options.tokenFile === undefined ? {} : { tokenFile: options.tokenFile }),
  });
  return new Running(server, { data, pki: options.pki ?? join(data, 'pki') }, barn, options.barn === undefined);
}

/** Three servers of one store in memory, with one authority. */
export interface ThreeServers {
  readonly barn: Barn;
  /** Each server has a folder of its name in it (s1, s2, s3), and all have `pki`. */
  readonly folder: string;
  /** One of them; counted around. */
  at(index: number): TestServer;
  close(): Promise<void>;
}

/** Starts three servers at once. */
export async function startThreeServers(): Promise<ThreeServers> {
  const folder = await mkdtemp(join(tmpdir(), 'apiservers-'));
  const barn = createMemoryBarn();
  const servers = await Promise.all(
    ['s1', 's2', 's3'].map((name) => startTestServer({ barn, data: join(folder, name), pki: join(folder, 'pki') })),
  );
  return {
    barn,
    folder,
    at: (index) => servers[index % servers.length] as TestServer,
    async close() {
      await Promise.all(servers.map((server) => server.close()));
      await barn.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

class Running implements TestServer {
  readonly url: string;
  readonly data: string;
  readonly barn: Barn;
  readonly #server: RunningServer;
  readonly #pki: string;
  readonly #ownsBarn: boolean;
  readonly #agents = new Map<string, Agent>();

  constructor(
    server: RunningServer,
    place: { readonly data: string; readonly pki: string },
    barn: Barn,
    ownsBarn: boolean,
  ) {
    this.url = server.url;
    this.data = place.data;
    this.#pki = place.pki;
    this.barn = barn;
    this.#server = server;
    this.#ownsBarn = ownsBarn;
  }

  async ask(method: string, path: string, options: Ask = {}): Promise<Answer> {
    const agent = await this.agentOf(options.as ?? 'admin');
    const body =
      options.body === undefined || typeof options.body === 'string' || options.body instanceof Uint8Array
        ? options.body
        : JSON.stringify(options.body);
    return new Promise((resolve, reject) => {
      const request = httpsRequest(
        `${this.url}${path}`,
        {
          method,
          agent,
          headers: {
            ...(body === undefined
              ? {}
              : { 'content-type': options.type ?? 'application/json', 'content-length': Buffer.byteLength(body) }),
            ...(options.token === undefined ? {} : { authorization: `Bearer ${options.token}` }),
            ...options.headers,
          },
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('error', reject);
          response.on('end', () => {
            const text = Buffer.concat(chunks).toString();
            resolve({ code: response.statusCode ?? 0, headers: response.headers, text, body: jsonIn(text) });
          });
        },
      );
      request.on('error', reject);
      request.end(body);
    });
  }

  async watch(path: string, as = 'admin'): Promise<WatchHandle> {
    const agent = await this.agentOf(as);
    return new Promise((resolve, reject) => {
      const request = httpsRequest(`${this.url}${path}`, { agent }, (response) => {
        const events: { type: string; object: Json }[] = [];
        const waiting = new Set<() => void>();
        let held = '';
        const handle = {
          code: response.statusCode ?? 0,
          events,
          isEnded: false,
          wait: (until: (events: WatchHandle['events']) => boolean) =>
            new Promise<WatchHandle['events']>((done, fail) => {
              const look = (): void => {
                if (!until(events)) return;
                clearTimeout(timer);
                waiting.delete(look);
                done(events);
              };
              const timer = setTimeout(() => {
                waiting.delete(look);
                fail(new Error(`10 s are over; events so far: ${JSON.stringify(events.map((event) => event.type))}`));
              }, 10_000);
              waiting.add(look);
              look();
            }),
          stop: () => request.destroy(),
        };
        response.on('data', (chunk: Buffer) => {
          const lines = (held + chunk.toString()).split('\n');
          held = lines.pop() ?? '';
          for (const line of lines) events.push(JSON.parse(line) as { type: string; object: Json });
          for (const look of waiting) look();
        });
        response.on('end', () => {
          handle.isEnded = true;
          for (const look of waiting) look();
        });
        response.on('error', () => undefined);
        resolve(handle);
      });
      request.on('error', reject);
      request.end();
    });
  }

  async agentOf(name: string): Promise<Agent> {
    let agent = this.#agents.get(name);
    if (agent === undefined) {
      const read = (file: string) => readFile(join(this.#pki, file), 'utf8');
      const identity = name === '' ? {} : { cert: await read(`${name}.crt`), key: await read(`${name}.key`) };
      agent = new Agent({ keepAlive: true, ca: await read('ca.crt'), ...identity });
      this.#agents.set(name, agent);
    }
    return agent;
  }

  async close(): Promise<void> {
    for (const agent of this.#agents.values()) agent.destroy();
    await this.#server.close();
    if (!this.#ownsBarn) return;
    await this.barn.close();
    await rm(this.data, { recursive: true, force: true });
  }
}

function jsonIn(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    // Plain text has no fields.
    return {};
  }
}

/** A JSON value as text, for messages, addresses and comparisons. */
export function text(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}

/** A pipeline that is valid and does nothing. */
export function pipeline(name: string, more: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return {
    apiVersion: 'runink.io/v1',
    kind: 'Pipeline',
    metadata: { name, ...more },
    spec: { steps: [{ name: 'a', use: 'filter' }] },
  };
}

export const pipelines = '/apis/runink.io/v1/namespaces/default/pipelines';
export const slicesPath = '/apis/runink.io/v1/namespaces/default/slices';

/** Makes the slice `name` and binds it to `node`, which is made if it is not there. */
export async function placeSlice(
  server: TestServer,
  node: string,
  name: string,
  spec: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  using client = new HttpClient(await loadKubeconfig(join(server.data, 'admin.kubeconfig')));
  await server.ask('POST', '/api/v1/nodes', { body: { apiVersion: 'v1', kind: 'Node', metadata: { name: node } } });
  const own = { run: 'r', step: 'a', attempt: 1, ...spec };
  const metadata = { namespace: 'default', name };
  await placed(client, { apiVersion: 'runink.io/v1', kind: 'Slice', metadata, spec: own }, node);
}

/** A slice of run r, step a. */
export function slice(name: string, spec: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return {
    apiVersion: 'runink.io/v1',
    kind: 'Slice',
    metadata: { name },
    spec: { run: 'r', step: 'a', attempt: 1, ...spec },
  };
}
