import { spawn } from 'node:child_process';
import { join } from 'node:path';
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
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(distDir, 'bin', 'runink-apiserver'), ...argv], {
      cwd: terminal.cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
      signal: terminal.signal,
    });
    let out = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => terminal.err(text));
    child.once('error', reject);
    child.once('close', (code) => resolve({ code: code ?? 1, out }));
  });
}
