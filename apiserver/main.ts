#!/usr/bin/env node
// runink-apiserver --data DIR --port N [--node NAME]…
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openEmbeddedBarn } from '../barn/index.ts';
import { systemClock, systemLog, systemRandom, watchParent } from '../base/index.ts';
import { startServer } from './server.ts';

const usage = 'usage: runink-apiserver --data DIR [--port N] [--node NAME]...';

async function main(): Promise<void> {
  const options = readArguments();
  const log = systemLog('apiserver');
  await mkdir(options.data, { recursive: true, mode: 0o700 });
  const barn = await openEmbeddedBarn({
    directory: join(options.data, 'barn'),
    name: 'apiserver',
    clock: systemClock,
    log,
    // What could not be written is not in memory only: the next process reads what is on disk.
    onFailed: () => process.exit(1),
  });
  const server = await startServer({
    ...options,
    barn,
    clock: systemClock,
    random: systemRandom,
    log,
    version: '0.1.0',
  });
  let isStopping = false;
  const stop = (): void => {
    if (isStopping) return;
    isStopping = true;
    server
      .close()
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
  process.stdout.write(`${JSON.stringify({ ready: true, url: server.url })}\n`);
}

interface Arguments {
  readonly data: string;
  readonly port: number;
  readonly nodes: readonly string[];
}

function readArguments(): Arguments {
  const { values } = parseArgs({
    options: {
      data: { type: 'string' },
      port: { type: 'string', default: '0' },
      node: { type: 'string', multiple: true, default: [] },
    },
  });
  const port = Number(values.port);
  if (values.data === undefined) throw new Error(`--data is missing; ${usage}`);
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new Error(`--port ${values.port} is no port; ${usage}`);
  return { data: values.data, port, nodes: values.node };
}

main().catch((error: unknown) => {
  process.stderr.write(`runink-apiserver: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
