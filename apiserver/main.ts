#!/usr/bin/env node
// runink-apiserver: the API and its store; and, offline, what is done with a snapshot of one.
import { createReadStream } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type Barn,
  BarnError,
  type ClusterOptions,
  type EmbeddedBarn,
  openEmbeddedBarn,
  openEtcdBarn,
  restoreBarn,
  verifySnapshot,
} from '../barn/index.ts';
import { type Log, systemClock, systemLog, systemRandom, watchParent } from '../base/index.ts';
import { isAnyHost, urlAt } from './address.ts';
import { FlagError } from './flag-texts.ts';
import { type GroupFlags, readCommand, type ServeFlags, usage } from './flags.ts';
import { type RunningServer, type ServerOptions, startServer } from './server.ts';
import { handOver } from './storage/barn-health.ts';
import { readStoreKeys } from './storage/key-file.ts';
import { followKeyFile, warnOfPlain } from './storage/key-follower.ts';
import { amendRestored } from './storage/restored.ts';

async function main(argv: readonly string[]): Promise<void> {
  const command = readCommand(argv);
  switch (command.do) {
    case 'serve':
      return serve(command.flags);
    case 'verify-snapshot': {
      const keys = await keysOf(command);
      const summary = await verifySnapshot(createReadStream(command.file), keys);
      process.stdout.write(`${JSON.stringify({ file: command.file, ...summary })}\n`);
      return;
    }
    case 'restore-snapshot': {
      const { data, name, cluster, bumpRevision } = command.flags;
      const keys = await keysOf(command.flags);
      const directory = storeDirectory(data);
      const restored = await restoreBarn({
        chunks: createReadStream(command.file),
        directory,
        name,
        amend: amendRestored,
        ...(cluster === undefined ? {} : { cluster }),
        ...(keys === undefined ? {} : { keys }),
        ...(bumpRevision === undefined ? {} : { raiseRevisionBy: bumpRevision }),
      });
      process.stdout.write(`${JSON.stringify({ file: command.file, directory, ...restored })}\n`);
      return;
    }
    default:
      return command satisfies never;
  }
}

function storeDirectory(data: string): string {
  return join(data, 'barn');
}

async function keysOf({ encryptionKeyFile }: { readonly encryptionKeyFile?: string }) {
  return encryptionKeyFile === undefined ? undefined : readStoreKeys(encryptionKeyFile);
}

async function serve(flags: ServeFlags): Promise<void> {
  const log = systemLog('apiserver');
  await mkdir(flags.data, { recursive: true, mode: 0o700 });
  const { barn, keys, peerCertificate } = await openStore(flags, log);
  let server: RunningServer | undefined;
  let isStopping = false;
  const stop = (): void => {
    if (isStopping) return;
    isStopping = true;
    keys?.stop();
    handOver(barn)
      .catch((error: unknown) => log.warn('leadership not given away', { error: String(error) }))
      .then(() => server?.close())
      .then(() => barn.close())
      .then(
        () => process.exit(0),
        (error: unknown) => {
          log.error('stop failed', { error: String(error) });
          process.exit(1);
        },
      );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  watchParent(process.env, process.stdin, stop);
  const { store: _store, name: _name, ...options } = flags;
  const running = await startServer({
    ...options,
    barn,
    ...(peerCertificate === undefined ? {} : { peerCertificate }),
    clock: systemClock,
    random: systemRandom,
    log,
    version: '0.1.0',
    onListening: (listening) => (server = listening),
  });
  if (!isStopping) process.stdout.write(`${JSON.stringify({ ready: true, url: running.url })}\n`);
}

interface OpenStore extends Pick<ServerOptions, 'peerCertificate'> {
  readonly barn: Barn;
  /** Follows the key file. */
  readonly keys?: { stop(): void };
}

async function openStore(flags: ServeFlags, log: Log): Promise<OpenStore> {
  const { name, data, store } = flags;
  switch (store.kind) {
    case 'embedded': {
      const { group, heartbeatMs, electionMs, encryptionKeyFile, memoryBytes } = store;
      const keys = await keysOf(store);
      const cluster = group === undefined ? undefined : await clusterOf(group);
      const barn = await openEmbeddedBarn({
        directory: storeDirectory(data),
        name,
        clock: systemClock,
        log,
        timers: {
          ...(heartbeatMs === undefined ? {} : { heartbeatMs }),
          ...(electionMs === undefined ? {} : { electionMs }),
        },
        ...(memoryBytes === undefined ? {} : { limits: { valueBytesInMemoryMax: memoryBytes } }),
        ...(cluster === undefined ? {} : { cluster }),
        ...clientUrlOf(flags),
        ...(keys === undefined ? {} : { keys }),
        // What could not be written is not in memory only: the next process reads what is on disk.
        onFailed: () => process.exit(1),
      });
      const opened = { barn, ...peerCertificateOf(barn, group, cluster) };
      if (keys === undefined || encryptionKeyFile === undefined) return opened;
      warnOfPlain(keys, log);
      return {
        ...opened,
        keys: followKeyFile({ barn, keys, clock: systemClock, log, read: () => readStoreKeys(encryptionKeyFile) }),
      };
    }
    case 'etcd': {
      const { endpoints, prefix, caFile, certFile, keyFile } = store;
      const read = async (path: string | undefined) => (path === undefined ? undefined : readFile(path));
      const [ca, cert, key] = [await read(caFile), await read(certFile), await read(keyFile)];
      const barn = await openEtcdBarn({
        endpoints,
        ...(prefix === undefined ? {} : { prefix }),
        ...(ca === undefined
          ? {}
          : { tls: { ca, ...(cert === undefined ? {} : { cert }), ...(key === undefined ? {} : { key }) } }),
        clock: systemClock,
        log,
      });
      return { barn };
    }
    default:
      return store satisfies never;
  }
}

/** What the member shows the others, to be kept renewed. */
function peerCertificateOf(
  barn: EmbeddedBarn,
  group: GroupFlags | undefined,
  cluster: ClusterOptions | undefined,
): Pick<OpenStore, 'peerCertificate'> {
  if (group === undefined || cluster === undefined) return {};
  const files = { certificate: group.certFile, key: group.keyFile, authority: group.trustedCaFile };
  return {
    peerCertificate: { files, inUse: cluster.credentials, use: (credentials) => barn.useCredentials(credentials) },
  };
}

async function clusterOf({ certFile, keyFile, trustedCaFile, ...group }: GroupFlags): Promise<ClusterOptions> {
  const [certificate, key, authority] = await Promise.all(
    [certFile, keyFile, trustedCaFile].map((path) => readFile(path, 'utf8')),
  );
  return { ...group, credentials: { certificate: certificate ?? '', key: key ?? '', authority: authority ?? '' } };
}

// A port that is still to be chosen is none that others could be told.
function clientUrlOf({ advertise, host, port }: ServeFlags): { readonly clientUrl?: string } {
  if (advertise !== undefined) return { clientUrl: advertise };
  return port === 0 || isAnyHost(host) ? {} : { clientUrl: urlAt(host, port) };
}

main(process.argv.slice(2)).catch((error: unknown) => {
  const isPlain = error instanceof FlagError || error instanceof BarnError;
  const words = isPlain ? error.message : error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`runink-apiserver: ${words}\n${error instanceof FlagError ? `${usage}\n` : ''}`);
  process.exitCode = error instanceof FlagError ? 2 : 1;
});
