// Which files are ours: what git tracks, and what it would track if it were added now.

import { spawnSync } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Runs git and gives its output, or undefined when it fails. Trusts the tree whoever owns it: a clone may have been made by
 * another user than the one who checks it.
 */
export function git(root: string, args: readonly string[]): string | undefined {
  const { status, stdout } = spawnSync('git', ['-c', `safe.directory=${realpathSync(root)}`, ...args], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 16 * 1024 * 1024,
  });
  return status === 0 ? stdout : undefined;
}

/** Paths of all our files that exist, sorted, relative to `root`. Throws when git cannot tell. */
export function ourFiles(root: string): readonly string[] {
  const listed = git(root, ['ls-files', '-z', '-co', '--exclude-standard']);
  if (listed === undefined) throw new Error(`git cannot list the files of ${root}: is it a clone?`);
  const files = listed.split('\0').filter((file) => file !== '' && existsSync(join(root, file)));
  return [...new Set(files)].sort();
}

/** Of these, the ones that hold TypeScript or JavaScript written by hand. */
export function sourceFiles(root: string): readonly string[] {
  return ourFiles(root).filter(isSource);
}

/** Whether a file is TypeScript or JavaScript of the product, written by hand; steps in manifests are a user's. */
export function isSource(file: string): boolean {
  return /\.(ts|mjs|cjs|js)$/.test(file) && !isGenerated(file) && !/(^|\/)(fixtures|manifests)\//.test(file);
}

/** Whether a file is made by a generator. */
export function isGenerated(file: string): boolean {
  return /\.gen\.[a-z]+$/.test(file);
}
