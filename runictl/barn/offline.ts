import { spawn } from 'node:child_process';
import { join, resolve } from 'node:path';
import { type Options, textOption } from '../options.ts';
import type { Session } from '../session.ts';

/**
 * Runs the server's program on files instead of a cluster: the store's formats are known there alone. What it says on stderr
 * is shown; what it says on stdout (one JSON object) is given back.
 */
export function offline(
  session: Pick<Session, 'distDir' | 'terminal'>,
  argv: readonly string[],
): Promise<{ readonly code: number; readonly out: string }> {
  const { terminal, distDir } = session;
  return new Promise((settle, reject) => {
    const child = spawn(process.execPath, [join(distDir, 'bin', 'runink-apiserver'), ...argv], {
      cwd: terminal.cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
      signal: terminal.signal,
    });
    let out = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => terminal.err(text));
    child.once('error', reject);
    child.once('close', (code) => settle({ code: code ?? 1, out }));
  });
}

/** Names the keys of a store's files, when the user did. */
export function keyFileFlag({ terminal }: Pick<Session, 'terminal'>, options: Options): readonly string[] {
  const file = textOption(options, 'encryptionKeyFile');
  return file === undefined ? [] : ['--encryption-key-file', resolve(terminal.cwd, file)];
}
