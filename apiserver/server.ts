// A server put together from its parts, listening, and taken apart again.
import { constants, randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import { join } from 'node:path';
import { kinds } from '../apis/index.ts';
import type { Barn } from '../barn/index.ts';
import type { Clock, Log, Random } from '../base/index.ts';
import { readIfThere, type TrustedCredentials, writePrivate } from '../pki/index.ts';
import { hostOf, isAnyHost, urlAt } from './address.ts';
import { readStaticTokens } from './auth/static-tokens.ts';
import { eitherToken, ensureTokens, type TokenLookup } from './auth/tokens.ts';
import { compactByTime } from './compaction.ts';
import { keepDefinitions } from './definitions/keeper.ts';
import { furnishHerd, makeOurHerds } from './furnish.ts';
import { type App, buildApp } from './http/app.ts';
import { authenticator } from './http/authenticate.ts';
import { pathServer } from './http/paths.ts';
import { LiveKinds } from './kinds/live-kinds.ts';
import { type ApiLimits, defaultLimits } from './limits.ts';
import { ensureIdentities, type Identities, writeKubeconfigs } from './pki/identities.ts';
import { type KeptCertificate, Renewals } from './pki/renewals.ts';
import { continueTokens } from './registry/continue-token.ts';
import { contractProblems } from './registry/contract.ts';
import { Counters } from './registry/counters.ts';
import type { Registry } from './registry/registry.ts';
import { runProblems } from './registry/run.ts';
import { type Repeating, repeat } from './repeating.ts';
import { checkBarn } from './storage/barn-health.ts';
import { ensureKeyFile } from './storage/key-file.ts';
import { ObjectStore } from './storage/object-store.ts';
import { Vault } from './storage/vault.ts';
import { Tunnels } from './tunnel/tunnels.ts';
import { WatchHubs } from './watch/hubs.ts';

/** Where the server keeps its files, and what it serves. */
export interface ServerOptions {
  /** Everything the server keeps, but for the store, lies here. */
  readonly data: string;
  /**
   * What several servers of one store have in common: authority, clients' certificates, tokens, keys of secrets; shared or
   * copied. Absent: this server is the only one and keeps it in `data`.
   */
  readonly pki?: string;
  readonly barn: Barn;
  /** The address to listen on; default 127.0.0.1. */
  readonly host?: string;
  /** 0: the port of last time if it is free, else any. */
  readonly port: number;
  /** Where clients find this server, if not where it listens: https://HOST:PORT. */
  readonly advertise?: string;
  /** Where clients find the others of this store. */
  readonly otherUrls?: readonly string[];
  /** Nodes that get a kubeconfig. */
  readonly nodes: readonly string[];
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly version: string;
  readonly limits?: Partial<ApiLimits>;
  /** More tokens than the server's own, in a file of kube-apiserver's form. */
  readonly tokenFile?: string;
  /** What the store's member shows the others, to be kept renewed beside the server's own. */
  readonly peerCertificate?: Omit<KeptCertificate, 'name'>;
  /** Called when it listens, which may be long before the store has a leader and the start is over. */
  readonly onListening?: (server: RunningServer) => void;
}

/** A server that listens. */
export interface RunningServer {
  readonly url: string;
  /** Ends watches, answers what is under way, closes. The barn stays open: it is the caller's. */
  close(): Promise<void>;
}

const localhost = '127.0.0.1';
/** What is still under way after this at the end is cut off. */
const closeMsMax = 3_000;
/** How often the server looks whether its own certificates come near their end. */
const renewMs = 86_400_000;

/** Makes what is missing in `data` and `pki`, listens, and makes the herds that are always there. */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { data, barn, clock, log, host = localhost } = options;
  const limits = { ...defaultLimits, ...options.limits };
  await mkdir(data, { recursive: true, mode: 0o700 });
  const shared = options.pki ?? data;
  const places = {
    shared: options.pki ?? join(data, 'pki'),
    own: join(data, 'pki'),
    nodes: options.nodes,
    hosts: hostsOf(host, options.advertise),
  };
  const identities = await ensureIdentities(places, clock);
  const keys = await ensureKeyFile(join(shared, 'secrets.key.json'));
  const store = new ObjectStore(barn, new Vault(keys));
  const registry: Registry = {
    store,
    clock,
    random: options.random,
    newUid: randomUUID,
    limits,
    counters: new Counters(),
    checks: { [kinds.contracts.kind]: contractProblems, [kinds.runs.kind]: (run) => runProblems(store, run) },
  };
  const live = new LiveKinds({ store: registry.store, clock, random: options.random, log });
  const renewals = new Renewals({ clock, log });
  const tokens = await tokensOf(shared, options);
  let url = '';
  let isFurnished = false;
  const app = buildApp({
    registry,
    continueTokens: continueTokens(keys.current().key),
    hubs: new WatchHubs({ store, clock, log, bookmarkIntervalMs: limits.bookmarkIntervalMs }),
    authenticate: authenticator(tokens),
    tokens,
    kinds: live,
    tunnels: new Tunnels(),
    certificates: () => renewals.states(),
    log,
    version: options.version,
    servePath: pathServer({
      address: () => new URL(url).host,
      kinds: live,
      version: options.version,
      log,
      readiness: [
        { name: 'barn', check: () => checkBarn(barn) },
        { name: 'kinds', check: () => (live.isReady ? Promise.resolve() : Promise.reject(new Error('not read yet'))) },
        { name: 'herds', check: () => (isFurnished ? Promise.resolve() : Promise.reject(new Error('not made yet'))) },
      ],
    }),
    onHerd: (name) => furnishHerd(registry, name),
  });
  const server = createServer(
    {
      ...secureOptions({ ...identities.server, authority: identities.authority.certificate }),
      // Who has no certificate may have a token; who has neither is refused by the application.
      requestCert: true,
      rejectUnauthorized: false,
      ALPNProtocols: ['http/1.1'],
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      keepAliveTimeout: 90_000,
    },
    app.handler,
  );
  server.on('upgrade', app.upgrade);
  server.maxConnections = limits.connectionsMax;
  const port = await listen(server, data, host, options.port);
  url = options.advertise ?? urlAt(host, port);
  const urls = [...new Set([url, ...(options.otherUrls ?? [])])];
  await writeKubeconfigs(data, identities, urls);
  keepRenewed(options, renewals, server, identities);
  // Files are made anew near their end, and taken up like those that an operator changes.
  const renewing = repeat(
    clock,
    renewMs,
    async () => writeKubeconfigs(data, await ensureIdentities(places, clock), urls),
    (error) => log.error('certificates not renewed', { error: String(error) }),
  );
  const compaction = compactByTime(barn, clock, limits.historyMs, log);
  const ending = new AbortController();
  const following = [live.follow(ending.signal), keepDefinitions({ registry, table: live.table, log }, ending.signal)];
  const running: RunningServer = {
    url,
    async close() {
      ending.abort();
      renewing.stop();
      renewals.close();
      await stop(server, app, compaction, clock);
      await Promise.all(following);
    },
  };
  log.info('server listens', { url });
  options.onListening?.(running);
  await makeOurHerds(registry, log, ending.signal);
  isFurnished = true;
  return running;
}

async function tokensOf(shared: string, { tokenFile, log }: ServerOptions): Promise<TokenLookup> {
  const own = await ensureTokens(shared);
  if (tokenFile === undefined) return own;
  log.warn('tokens of a file are taken; they stay good until the server is started without them', { file: tokenFile });
  return eitherToken(own, await readStaticTokens(tokenFile));
}

function secureOptions({ certificate, key, authority }: TrustedCredentials) {
  // Each connection would keep a session for a ticket, with its client's certificate: a third of what an idle watch costs.
  const secureOptions = constants.SSL_OP_NO_TICKET;
  return { ca: authority, cert: certificate, key, minVersion: 'TLSv1.2', secureOptions } as const;
}

/** Takes up what is renewed in the files: for clients, and for the other members of the store. */
function keepRenewed(options: ServerOptions, renewals: Renewals, server: Server, identities: Identities): void {
  const own = join(options.data, 'pki');
  const shared = options.pki ?? own;
  renewals.keep({
    name: 'api',
    files: {
      certificate: join(own, 'apiserver.crt'),
      key: join(own, 'apiserver.key'),
      authority: join(shared, 'ca.crt'),
    },
    inUse: { ...identities.server, authority: identities.authority.certificate },
    use: (credentials) => server.setSecureContext(secureOptions(credentials)),
  });
  if (options.peerCertificate !== undefined) renewals.keep({ name: 'peer', ...options.peerCertificate });
}

/** What the server's certificate must name. */
function hostsOf(host: string, advertise: string | undefined): string[] {
  return [...(isAnyHost(host) ? [] : [host]), ...(advertise === undefined ? [] : [hostOf(advertise)])];
}

// Kubeconfigs stay true over a restart: the port of last time is taken again if it can be.
async function listen(server: Server, data: string, host: string, wanted: number): Promise<number> {
  const path = join(data, 'port');
  const last = wanted === 0 ? Number((await readIfThere(path)) ?? 0) : wanted;
  let port: number;
  try {
    port = await listenOn(server, host, Number.isInteger(last) ? last : 0);
  } catch (error) {
    const isTaken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
    if (wanted !== 0 || !isTaken) throw error;
    port = await listenOn(server, host, 0);
  }
  await writePrivate(path, `${port}\n`);
  return port;
}

function listenOn(server: Server, host: string, port: number): Promise<number> {
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
