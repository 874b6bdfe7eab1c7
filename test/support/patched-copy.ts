import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { transform } from 'esbuild';

/**
 * Copies compiled rooms below `scratch`/dist and applies a patch of their sources to the copy: another program, made of this
 * one, without a switch in what is shipped. Throws when the patch does not apply any more.
 */
export async function patchedCopy(options: {
  readonly root: string;
  readonly scratch: string;
  readonly rooms: readonly string[];
  readonly patch: string;
}): Promise<void> {
  const { root, scratch, rooms } = options;
  const patch = resolve(root, options.patch);
  const isCode = (path: string): boolean => !/\.(map|test\.js)$/.test(path);
  for (const room of rooms)
    cpSync(join(root, 'dist', room), join(scratch, 'dist', room), { recursive: true, filter: isCode });
  symlinkSync(join(root, 'node_modules'), join(scratch, 'node_modules'));
  writeFileSync(join(scratch, 'package.json'), '{"type":"module"}');
  const changed = [...readFileSync(patch, 'utf8').matchAll(/^\+\+\+ b\/(.*)$/gm)].map((found) => found[1] ?? '');
  for (const path of changed) {
    mkdirSync(dirname(join(scratch, path)), { recursive: true });
    cpSync(join(root, path), join(scratch, path));
  }
  execFileSync('git', ['apply', '--whitespace=nowarn', patch], {
    cwd: scratch,
    env: { ...process.env, GIT_CEILING_DIRECTORIES: tmpdir() },
    stdio: 'pipe',
  });
  for (const path of changed) {
    const { code } = await transform(readFileSync(join(scratch, path), 'utf8'), { loader: 'ts', target: 'es2023' });
    writeFileSync(
      join(scratch, 'dist', path.replace(/\.ts$/, '.js')),
      code.replace(/(from\s*"\.[^"]*)\.ts"/g, '$1.js"'),
    );
  }
}
