// A server put together from its parts, listening, and taken apart again.
import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import { join } from 'node:path';
import { isApiError, type KindInfo, kindInfos, kinds, wellKnown } from '../apis/index.ts';
import type { Barn } from '../barn/index.ts';
import type { Clock, Log, Random, Timer } from '../base/index.ts';
import { ensureTokens } from './auth/tokens.ts';
import { type App, buildApp } from './http/app.ts';
import { authenticator } from './http/authenticate.ts';
import { pathServer } from './http/paths.ts';
import { type ApiLimits, defaultLimits } from './limits.ts';
import { ensureIdentities, readIfThere, writeKubeconfigs, writePrivate } from './pki/identities.ts';
import { continueTokens } from './registry/continue-token.ts';
import { contractProblems } from './registry/contract.ts';
import { create } from './registry/create.ts';
import type { Registry } from './registry/registry.ts';
import { ensureKeyFile } from './storage/key-file.ts';
import { ObjectStore } from './storage/object-store.ts';
import { Vault } from './storage/vault.ts';
import { Tunnels } from './tunnel/tunnels.ts';

/** Where the server keeps its files, and what it serves. */
export interface ServerOptions {
  /** Everything the server keeps, but for the store, lies here. */
  readonly data: string;
  readonly barn: Barn;
  /** 0: the port of last time if it is free, else any. */
  readonly port: number;
  /** Nodes that get a kubeconfig. */
  readonly nodes: readonly string[];
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly version: string;
  readonly limits?: Partial<ApiLimits>;
}

/** A server that listens. */
export interface RunningServer {
  readonly url: string;
  /** Ends watches, answers what is under way, closes. The barn stays open: it is the caller's. */
  close(): Promise<void>;
}

const host = '127.0.0.1';
/** What is still under way after this at the end is cut off. */
const closeMsMax = 3_000;

/** Makes what is missing in `data`, listens, and makes the herds that are always there. */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { data, barn, clock, log } = options;
  const limits = { ...defaultLimits, ...options.limits };
  await mkdir(data, { recursive: true, mode: 0o700 });
  const identities = await ensureIdentities(data, options.nodes, clock);
  const keys = await ensureKeyFile(join(data, 'secrets.key.json'));
  const registry: Registry = {
    store: new ObjectStore(barn, new Vault(keys)),
    clock,
    random: options.random,
    newUid: randomUUID,
    limits,
    checks: { [kinds.contracts.kind]: contractProblems },
  };
  let address = '';
  const app = buildApp({
    registry,
    continueTokens: continueTokens(keys.current().key),
    authenticate: authenticator(await ensureTokens(data)),
    kindOf: kindLookup(kindInfos),
    tunnels: new Tunnels(),
    log,
    servePath: pathServer({
      address: () => address,
      version: options.version,
      log,
      readiness: [{ name: 'barn', check: async () => void (await barn.readIndex()) }],
    }),
    onHerd: (name) => furnishHerd(registry, name),
  });
  await makeOurHerds(registry);
  const server = createServer(
    {
      ca: identities.authority.certificate,
      cert: identities.server.certificate,
      key: identities.server.key,
      // Who has no certificate may have a token; who has neither is refused by the application.
      requestCert: true,
      rejectUnauthorized: false,
      minVersion: 'TLSv1.2',
      ALPNProtocols: ['http/1.1'],
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      keepAliveTimeout: 90_000,
    },
    app.handler,
  );
  server.on('upgrade', app.upgrade);
  server.maxConnections = limits.connectionsMax;
  const port = await listen(server, data, options.port);
  address = `${host}:${port}`;
  const url = `https://${address}`;
  await writeKubeconfigs(data, identities, url);
  const compaction = compactByTime(barn, clock, limits.historyMs, log);
  log.info('server listens', { url });
  return { url, close: () => stop(server, app, compaction, clock) };
}

function kindLookup(infos: readonly KindInfo[]) {
  const byPath = new Map(infos.map((info) => [`${info.group}/${info.version}/${info.plural}`, info]));
  return (group: string, version: string, plural: string) => byPath.get(`${group}/${version}/${plural}`);
}

// Kubeconfigs stay true over a restart: the port of last time is taken again if it can be.
async function listen(server: Server, data: string, wanted: number): Promise<number> {
  const path = join(data, 'port');
  const last = wanted === 0 ? Number((await readIfThere(path)) ?? 0) : wanted;
  let port: number;
  try {
    port = await listenOn(server, Number.isInteger(last) ? last : 0);
  } catch (error) {
    const isTaken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
    if (wanted !== 0 || !isTaken) throw error;
    port = await listenOn(server, 0);
  }
  await writePrivate(path, `${port}\n`);
  return port;
}

function listenOn(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      const at = server.address();
      if (at === null || typeof at === 'string') reject(new Error('the server listens on no port'));
      else resolve(at.port);
    });
  });
}

const quiet = { dryRun: false, fieldValidation: 'Strict', warn: () => undefined } as const;

async function makeOurHerds(registry: Registry): Promise<void> {
  for (const name of ['default', wellKnown.systemHerd, wellKnown.nodeLeaseHerd]) {
    const body = { apiVersion: 'runink.io/v1', kind: 'Herd', metadata: { name } };
    await unlessThere(create(registry, { info: kinds.herds }, body, quiet));
    await furnishHerd(registry, name);
  }
}

/** What every herd has: the account that steps act as unless they say otherwise. */
async function furnishHerd(registry: Registry, herd: string): Promise<void> {
  const body = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default' } };
  await unlessThere(create(registry, { info: kinds.serviceAccounts, namespace: herd }, body, quiet));
}

async function unlessThere(work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    // There already, or the herd was deleted in the same moment.
    if (!isApiError(error, 'AlreadyExists', 'Forbidden', 'NotFound')) throw error;
  }
}

interface Repeating {
  stop(): void;
}

/** Forgets history older than `historyMs`, give or take a half. */
function compactByTime(barn: Barn, clock: Clock, historyMs: number, log: Log): Repeating {
  let then: number | undefined;
  let timer: Timer = clock.after(historyMs / 2, tick, { unref: true });
  let isStopped = false;
  let older: number | undefined;
  function tick(): void {
    run()
      .catch((error: unknown) => log.warn('compaction failed', { error: String(error) }))
      .finally(() => {
        if (!isStopped) timer = clock.after(historyMs / 2, tick, { unref: true });
      });
  }
  async function run(): Promise<void> {
    const now = await barn.readIndex();
    if (older !== undefined && older > 0) await barn.compact(older);
    older = then;
    then = now;
  }
  return {
    stop() {
      isStopped = true;
      timer.cancel();
    },
  };
}

async function stop(server: Server, app: App, compaction: Repeating, clock: Clock): Promise<void> {
  compaction.stop();
  app.close();
  await new Promise<void>((resolve) => {
    const cut = clock.after(closeMsMax, () => server.closeAllConnections());
    server.close(() => {
      cut.cancel();
      resolve();
    });
    server.closeIdleConnections();
  });
}
