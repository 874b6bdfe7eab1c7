// A server as a process, with its own folder and a file of tokens, as suites from outside need one; and the kinds that
// these suites define.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import { exitOnStdinEofVariable, present } from '../../base/index.ts';
import { loadKubeconfig, openRawClient, type RawClient, type RawRequest } from '../../client/index.ts';

const readyMsMax = 30_000;
const stopMsMax = 10_000;
const servedMsMax = 10_000;

/** A running server; whoever started it stops it. */
export interface ApiServer {
  readonly folder: string;
  readonly url: string;
  /** Of the cluster admin. */
  readonly kubeconfig: string;
  readonly pid: () => number;
  /** Ends it and starts it again on the same folder and port. */
  restart(): Promise<void>;
  /** Ends it and removes what it kept. */
  stop(): Promise<void>;
}

/** Starts the built program in `dist`; `tokens` is the text of its file of tokens. */
export async function startApiServer(dist: string, tokens: string): Promise<ApiServer> {
  const folder = await mkdtemp(join(tmpdir(), 'runink-conformance-'));
  const tokenFile = join(folder, 'tokens.csv');
  await writeFile(tokenFile, tokens, { mode: 0o600 });
  const data = join(folder, 'apiserver');
  const argv = ['--data', data, '--port', '0', '--token-auth-file', tokenFile, '--insecure-static-tokens'];
  const start = () => launch(join(dist, 'bin/runink-apiserver'), argv);
  let running = await start();
  return {
    folder,
    url: running.url,
    kubeconfig: join(data, 'admin.kubeconfig'),
    pid: () => present(running.child.pid, 'pid'),
    async restart() {
      await end(running.child);
      running = await start();
    },
    async stop() {
      await end(running.child);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

interface Launched {
  readonly child: ChildProcess;
  readonly url: string;
}

async function launch(program: string, argv: readonly string[]): Promise<Launched> {
  // It ends with this process, however that ends.
  const env = { ...process.env, [exitOnStdinEofVariable]: '1' };
  const child = spawn(process.execPath, [program, ...argv], { stdio: ['pipe', 'pipe', 'pipe'], env });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (said = `${said}${chunk}`.slice(-4_000)));
  const url = await new Promise<string>((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`the server was not ready within ${readyMsMax} ms: ${said}`));
    }, readyMsMax);
    child.once('error', reject);
    child.once('exit', (code) => {
      clearTimeout(timer);
      reject(new Error(`the server ended with ${code}: ${said}`));
    });
    createInterface({ input: child.stdout }).once('line', (line) => {
      clearTimeout(timer);
      resolve(urlIn(line));
    });
  });
  return { child, url };
}

function urlIn(line: string): string {
  const ready: unknown = JSON.parse(line);
  if (typeof ready === 'object' && ready !== null && 'url' in ready) return String(ready.url);
  throw new Error(`the server said no URL: ${line}`);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), stopMsMax);
  await gone;
  clearTimeout(timer);
}

/** Creates each CustomResourceDefinition of a List in a file and waits until all are served. */
export async function define(server: ApiServer, file: string): Promise<void> {
  using client = openRawClient(await loadKubeconfig(server.kubeconfig));
  const list: unknown = JSON.parse(await readFile(file, 'utf8'));
  for (const item of at(list, 'items') as readonly unknown[]) {
    await create(client, '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', item);
    const [group, plural] = ['spec.group', 'spec.names.plural'].map((path) => String(at(item, path)));
    const deadline = AbortSignal.timeout(servedMsMax);
    while ((await ask(client, { method: 'GET', path: `/apis/${group}/v1/${plural}` })) === 404) {
      deadline.throwIfAborted();
      await pause(20);
    }
  }
}

/** Makes a herd. */
export async function makeHerd(server: ApiServer, name: string): Promise<void> {
  using client = openRawClient(await loadKubeconfig(server.kubeconfig));
  await create(client, '/apis/runink.io/v1/herds', { apiVersion: 'runink.io/v1', kind: 'Herd', metadata: { name } });
}

/** Forgets all history, if there is any, so that no version of before can be watched from. */
export async function compactNow(server: ApiServer): Promise<void> {
  using client = openRawClient(await loadKubeconfig(server.kubeconfig));
  const { body } = await client.request({ method: 'GET', path: '/barn/v1/status' });
  const { revision, compactRevision }: Record<'revision' | 'compactRevision', number> = JSON.parse(await text(body));
  if (revision > compactRevision) await post(client, '/barn/v1/compact', { revision }, 200);
}

async function create(client: RawClient, path: string, object: unknown): Promise<void> {
  await post(client, path, object, 201);
}

async function post(client: RawClient, path: string, body: unknown, wanted: number): Promise<void> {
  const headers = { 'content-type': 'application/json' };
  const status = await ask(client, { method: 'POST', path, headers, body: JSON.stringify(body) });
  if (status !== wanted) throw new Error(`POST ${path} was answered ${status}`);
}

async function ask(client: RawClient, request: RawRequest): Promise<number> {
  const { status, body } = await client.request(request);
  body.resume();
  return status;
}

function at(value: unknown, path: string): unknown {
  return path.split('.').reduce((here: unknown, key) => new Map(Object.entries(here ?? {})).get(key), value);
}
