import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { Session } from '../session.ts';

/**
 * Runs the server's program on files instead of a cluster: the store's formats are known there alone. Its output is ours, and
 * its exit code is the result.
 */
export function offline(session: Pick<Session, 'distDir' | 'terminal'>, argv: readonly string[]): Promise<number> {
  const { terminal, distDir } = session;
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(distDir, 'bin', 'runink-apiserver'), ...argv], {
      cwd: terminal.cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
      signal: terminal.signal,
    });
    child.stdout.on('data', (chunk: Buffer) => void terminal.out(chunk));
    child.stderr.on('data', (chunk: Buffer) => terminal.err(chunk.toString('utf8')));
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? 1));
  });
}
