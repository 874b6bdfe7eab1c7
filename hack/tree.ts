// Which files are ours: what git tracks, and what it would track if it were added now.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** Paths of all our files that exist, sorted, relative to `root`. Throws when git cannot tell. */
export function ourFiles(root: string): readonly string[] {
  const { status, stdout, stderr } = spawnSync('git', ['ls-files', '-z', '-co', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 16 * 1024 * 1024,
  });
  if (status !== 0) throw new Error(`git ls-files: ${stderr}`);
  const files = stdout.split('\0').filter((file) => file !== '' && existsSync(join(root, file)));
  return [...new Set(files)].sort();
}

/** Of these, the ones that hold TypeScript or JavaScript written by hand. */
export function sourceFiles(root: string): readonly string[] {
  return ourFiles(root).filter(isSource);
}

/** Whether a file is TypeScript or JavaScript written by hand. */
export function isSource(file: string): boolean {
  return /\.(ts|mjs|cjs|js)$/.test(file) && !isGenerated(file) && !file.includes('/fixtures/');
}

/** Whether a file is made by a generator. */
export function isGenerated(file: string): boolean {
  return /\.gen\.[a-z]+$/.test(file);
}
