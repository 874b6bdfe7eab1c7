// User code into bytes: a module through esbuild, a folder as JSON. Equal files give equal bytes wherever they lie.
import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, extname, join, relative } from 'node:path';
import type { Plugin } from 'esbuild';
import { CommandError, messageOf } from '../failure.ts';

/** Bytes of a bundle and what its object says of them. */
export interface BundleContent {
  readonly name: string;
  readonly hash: string;
  readonly format: 'module' | 'files';
  readonly exports?: readonly string[];
  readonly bytes: Uint8Array;
}

/** The most a bundle may hold. */
export const bundleBytesMax = 1024 * 1024;
/** The most that may stand in the object itself. */
export const inlineBytesMax = 128 * 1024;

const skipped = new Set(['__pycache__', '.git', '.DS_Store', 'node_modules']);
const moduleEndings = ['.ts', '.mts', '.js', '.mjs', '.tsx', '.jsx', '.cjs', '.cts'];

/** Bundles the step module or folder at `path`. Errors: CommandError naming the path and what is wrong with it. */
export async function makeBundle(
  path: string,
  options: { readonly asFiles: boolean; readonly sdkFile: string },
): Promise<BundleContent> {
  const info = await stat(path).catch(() => undefined);
  if (info === undefined) throw new CommandError(`bundle ${path}: no such file or folder`);
  const isModule = !options.asFiles && info.isFile();
  if (isModule && !moduleEndings.includes(extname(path)))
    throw new CommandError(`bundle ${path}: a step module is JavaScript or TypeScript (${moduleEndings.join(', ')})`);
  if (!options.asFiles && info.isDirectory())
    throw new CommandError(`bundle ${path}: is a folder; that is for "use: exec", a step module is a file`);
  const made = isModule ? await moduleBytes(path, options.sdkFile) : { bytes: await filesBytes(path, info.isFile()) };
  if (made.bytes.length > bundleBytesMax)
    throw new CommandError(
      `bundle ${path}: ${made.bytes.length} bytes, more than the ${bundleBytesMax} a bundle may hold`,
    );
  const hash = createHash('sha256').update(made.bytes).digest('hex');
  return { ...made, hash, name: `${nameOf(path)}-${hash.slice(0, 10)}`, format: isModule ? 'module' : 'files' };
}

async function moduleBytes(path: string, sdkFile: string): Promise<{ bytes: Uint8Array; exports: readonly string[] }> {
  const esbuild = await import('esbuild');
  try {
    const result = await esbuild.build({
      entryPoints: [path],
      // Paths in the output are relative to this: they must not tell where the clone lies.
      absWorkingDir: dirname(path),
      outfile: 'index.mjs',
      bundle: true,
      write: false,
      metafile: true,
      platform: 'node',
      target: 'node20',
      format: 'esm',
      charset: 'utf8',
      legalComments: 'none',
      logLevel: 'silent',
      tsconfigRaw: {},
      plugins: [sdkPlugin(sdkFile)],
    });
    const [output] = result.outputFiles;
    const exports = Object.values(result.metafile.outputs)[0]?.exports ?? [];
    if (output === undefined) throw new Error('esbuild gave no output');
    return { bytes: output.contents, exports: [...exports].sort() };
  } catch (cause) {
    throw new CommandError(`bundle ${path}: ${esbuildText(cause)}`, { cause });
  }
}

/** `import … from 'runink'` gets the SDK that came with this runictl. */
function sdkPlugin(sdkFile: string): Plugin {
  return {
    name: 'runink-sdk',
    setup(build) {
      build.onResolve({ filter: /^runink$/ }, () => ({ path: 'sdk', namespace: 'runink', sideEffects: false }));
      build.onLoad({ filter: /^sdk$/, namespace: 'runink' }, async () => {
        const contents = await readFile(sdkFile, 'utf8').catch(() => undefined);
        if (contents !== undefined) return { contents, loader: 'js' };
        return { errors: [{ text: `the SDK is not at ${sdkFile}; build Runink again ("npm run build")` }] };
      });
    },
  };
}

function esbuildText(cause: unknown): string {
  const errors: unknown = typeof cause === 'object' && cause !== null ? Reflect.get(cause, 'errors') : undefined;
  if (!Array.isArray(errors) || errors.length === 0) return messageOf(cause);
  return (errors as readonly { text: string; location: { file: string; line: number; column: number } | null }[])
    .map(({ text, location }) =>
      location === null ? text : `${location.file}:${location.line}:${location.column + 1}: ${text}`,
    )
    .join('\n');
}

async function filesBytes(path: string, isFile: boolean): Promise<Uint8Array> {
  const found = isFile ? [path] : await filesBelow(path);
  const files = [];
  let total = 0;
  for (const file of found) {
    const { mode, size } = await stat(file);
    total += size;
    if (total > bundleBytesMax) throw new CommandError(`bundle ${path}: more than ${bundleBytesMax} bytes`);
    files.push({
      path: isFile ? basename(file) : relative(path, file),
      mode: (mode & 0o100) === 0 ? 0o644 : 0o755,
      data: (await readFile(file)).toString('base64'),
    });
  }
  if (files.length === 0) throw new CommandError(`bundle ${path}: the folder is empty`);
  return Buffer.from(JSON.stringify({ files }));
}

async function filesBelow(folder: string): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (skipped.has(entry.name)) continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) found.push(...(await filesBelow(path)));
    else if (entry.isFile()) found.push(path);
    else throw new CommandError(`bundle ${path}: neither file nor folder; links and devices cannot be bundled`);
  }
  return found.sort();
}

// `./steps/delays.ts` → delays; a name must be an RFC 1123 label of at most 52 characters, with room for the hash.
function nameOf(path: string): string {
  const stem = basename(path, extname(path)).toLowerCase();
  const name = stem
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 52)
    .replace(/^-+|-+$/g, '');
  return name === '' ? 'bundle' : name;
}
