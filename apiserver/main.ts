#!/usr/bin/env node
// runink-apiserver: the API and its store; and, offline, what is done with a snapshot of one.
import { createReadStream } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Barn, BarnError, openEmbeddedBarn, openEtcdBarn, verifySnapshot } from '../barn/index.ts';
import { type Log, systemClock, systemLog, systemRandom, watchParent } from '../base/index.ts';
import { FlagError, readCommand, type ServeFlags, usage } from './flags.ts';
import { type RunningServer, startServer } from './server.ts';

async function main(argv: readonly string[]): Promise<void> {
  const command = readCommand(argv);
  switch (command.do) {
    case 'serve':
      return serve(command.flags);
    case 'verify-snapshot': {
      const summary = await verifySnapshot(createReadStream(command.file));
      process.stdout.write(`${JSON.stringify({ file: command.file, ...summary })}\n`);
      return;
    }
    default:
      return command satisfies never;
  }
}

async function serve(flags: ServeFlags): Promise<void> {
  const log = systemLog('apiserver');
  await mkdir(flags.data, { recursive: true, mode: 0o700 });
  const barn = await openStore(flags, log);
  let server: RunningServer | undefined;
  let isStopping = false;
  const stop = (): void => {
    if (isStopping) return;
    isStopping = true;
    (server?.close() ?? Promise.resolve())
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
    clock: systemClock,
    random: systemRandom,
    log,
    version: '0.1.0',
    onListening: (listening) => (server = listening),
  });
  if (!isStopping) process.stdout.write(`${JSON.stringify({ ready: true, url: running.url })}\n`);
}

async function openStore({ name, data, store }: ServeFlags, log: Log): Promise<Barn> {
  switch (store.kind) {
    case 'embedded':
      return openEmbeddedBarn({
        directory: join(data, 'barn'),
        name,
        clock: systemClock,
        log,
        // What could not be written is not in memory only: the next process reads what is on disk.
        onFailed: () => process.exit(1),
      });
    case 'etcd': {
      const { endpoints, prefix, caFile, certFile, keyFile } = store;
      const read = async (path: string | undefined) => (path === undefined ? undefined : readFile(path));
      const [ca, cert, key] = [await read(caFile), await read(certFile), await read(keyFile)];
      return openEtcdBarn({
        endpoints,
        ...(prefix === undefined ? {} : { prefix }),
        ...(ca === undefined
          ? {}
          : { tls: { ca, ...(cert === undefined ? {} : { cert }), ...(key === undefined ? {} : { key }) } }),
        clock: systemClock,
        log,
      });
    }
    default:
      return store satisfies never;
  }
}

main(process.argv.slice(2)).catch((error: unknown) => {
  const isPlain = error instanceof FlagError || error instanceof BarnError;
  const words = isPlain ? error.message : error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`runink-apiserver: ${words}\n${error instanceof FlagError ? `${usage}\n` : ''}`);
  process.exitCode = error instanceof FlagError ? 2 : 1;
});
