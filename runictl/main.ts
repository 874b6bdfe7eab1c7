// The only file that reaches for the real terminal, environment and clock.
import { realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { systemClock, systemRandom } from '../base/index.ts';
import { run } from './program.ts';
import type { Terminal } from './terminal.ts';

const aborter = new AbortController();
// npm, timeout(1) and a terminal's process group deliver one Ctrl-C twice; only a later one is a person's impatience.
const doubledMsMax = 1_000;
let interruptedMs: number | undefined;
const interrupt = (signal: NodeJS.Signals): void => {
  const nowMs = systemClock.monotonicMs();
  interruptedMs ??= nowMs;
  if (nowMs - interruptedMs > doubledMsMax) process.exit(signal === 'SIGINT' ? 130 : 143);
  aborter.abort(new DOMException(signal, 'AbortError'));
};
process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
// Whoever reads us has heard enough (`runictl get … | head`).
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
process.stderr.on('error', () => undefined);

const env = process.env;
const isInteractive = process.stdout.isTTY === true;
const terminal: Terminal = {
  env,
  cwd: process.cwd(),
  isInteractive,
  hasColour: isInteractive && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb',
  columns: () => process.stdout.columns || 120,
  out: (text) =>
    new Promise((resolve) => {
      if (process.stdout.write(text)) resolve();
      else process.stdout.once('drain', resolve);
    }),
  err: (text) => void process.stderr.write(text),
  async readStdin() {
    const chunks: Buffer[] = [];
    for await (const chunk of process.stdin as AsyncIterable<Buffer>) chunks.push(chunk);
    return Buffer.concat(chunks).toString('utf8');
  },
  signal: aborter.signal,
  clock: systemClock,
  random: systemRandom,
};

// dist/bin/runictl is the bundle, dist/runictl/main.js the same unbundled; both lie two below the package.
const self = realpathSync(process.argv[1] ?? '');
const distDir = basename(dirname(self)) === 'bin' ? dirname(dirname(self)) : join(dirname(dirname(self)));
const code = await run(process.argv.slice(2), terminal, distDir);
process.exitCode = code;
process.stdout.write('', () => process.exit());
