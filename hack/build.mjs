// `npm run build`: TypeScript into dist/, the programs as single files into dist/bin and dist/libexec, and the C
// helper. Does nothing when no input has changed since the last good build.

import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

export const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
export const rooms = [
  'base',
  'apis',
  'client',
  'lang',
  'barn',
  'pki',
  'apiserver',
  'controllers',
  'runi-agent',
  'runi-slice',
  'runictl',
  'hack',
  'test',
];

// Every program holds all its JavaScript, since some are copied away from the tree. What stays outside is native
// (classic-level) or loaded only when it is wanted (esbuild, when runictl bundles a step; gRPC, for a store in etcd).
const programs = [
  { entry: 'apiserver/main.ts', out: 'bin/runink-apiserver', external: ['@grpc/grpc-js', 'classic-level'] },
  { entry: 'controllers/main.ts', out: 'bin/runink-controllers', external: [] },
  { entry: 'runi-agent/main.ts', out: 'bin/runi-agent', external: [] },
  { entry: 'runictl/main.ts', out: 'bin/runictl', external: ['esbuild'] },
  // Not a program: the thread of the log and of Raft, which the apiserver starts.
  { entry: 'barn/node/worker.ts', out: 'libexec/barn-worker.mjs', external: [], isThread: true },
  { entry: 'runi-agent/exchange/main.ts', out: 'libexec/runi-exchange', external: [] },
  { entry: 'runi-slice/main.ts', out: 'libexec/runi-slice', external: [] },
  // Not a program: what step modules import as 'runink'; runictl bundles it with them.
  { entry: 'runi-slice/sdk.ts', out: 'libexec/runink-sdk.mjs', external: [], isLibrary: true },
];

// CommonJS dependencies call require(), which an ES module does not have.
const banner = [
  "import { createRequire as __createRequire } from 'node:module';",
  'const require = __createRequire(import.meta.url);',
  'const __filename = import.meta.filename, __dirname = import.meta.dirname;',
].join('\n');

const dist = join(root, 'dist');
const stampFile = join(dist, '.build-stamp');

/** Builds what is out of date. Throws an Error that says what failed; the tools' own output has been shown. */
export async function build() {
  if (!existsSync(join(root, 'node_modules')))
    throw new Error('node_modules is missing. Run `sh hack/setup` first, then `npm run build` again.');
  const before = stampOfInputs();
  if (isBuilt(before)) return;
  rmSync(stampFile, { force: true });
  mkdirSync(dist, { recursive: true });
  compile();
  removeOrphans();
  await bundle();
  makeHelper();
  writeFileSync(stampFile, before);
}

function isBuilt(stamp) {
  if (!existsSync(stampFile) || readFileSync(stampFile, 'utf8') !== stamp) return false;
  return [...programs.map(({ out }) => out), 'libexec/runi-helper', 'libexec/runi-init'].every((out) =>
    existsSync(join(dist, out)),
  );
}

/** A hash over name, size and time of every file that the build reads. */
function stampOfInputs() {
  const hash = createHash('sha256');
  const files = ['package.json', 'package-lock.json', 'tsconfig.json'];
  for (const room of rooms) files.push(...filesBelow(room));
  for (const file of files) {
    const { size, mtimeMs } = statSync(join(root, file));
    hash.update(`${file}\0${size}\0${mtimeMs}\n`);
  }
  return hash.digest('hex');
}

function filesBelow(folder) {
  if (!existsSync(join(root, folder))) return [];
  const found = readdirSync(join(root, folder), { withFileTypes: true, recursive: true });
  return found
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .sort();
}

function compile() {
  // tsc trusts its record of the last run, not the files: a dist/ that lost some must be made whole.
  const record = join(dist, '.tsbuildinfo');
  if (rooms.some((room) => filesBelow(room).some((file) => isSource(file) && !existsSync(outputOf(file)))))
    rmSync(record, { force: true });
  const { status } = spawnSync(join(root, 'node_modules/.bin/tsc'), ['-p', root], { stdio: 'inherit' });
  if (status !== 0) throw new Error('TypeScript found errors (above). Mend them and build again.');
}

const isSource = (file) => file.endsWith('.ts') && !file.endsWith('.d.ts');
const outputOf = (file) => join(dist, file.replace(/\.ts$/, '.js'));

/** A compiled test whose source is gone would go on being run. */
function removeOrphans() {
  for (const room of rooms)
    for (const file of filesBelow(join('dist', room))) {
      const source = file.slice('dist/'.length).replace(/\.js(\.map)?$/, '.ts');
      if (source.endsWith('.ts') && !existsSync(join(root, source))) rmSync(join(root, file));
    }
}

// esbuild keeps the first line of an entry that has one.
function bannerFor(entry) {
  return readFileSync(join(root, entry), 'utf8').startsWith('#!') ? banner : `#!/usr/bin/env node\n${banner}`;
}

async function bundle() {
  const esbuild = await import('esbuild');
  const made = [];
  for (const { entry, out, external, isLibrary, isThread } of programs) {
    const target = join(dist, out);
    mkdirSync(dirname(target), { recursive: true });
    made.push(
      esbuild
        .build({
          absWorkingDir: root,
          entryPoints: [entry],
          outfile: target,
          external,
          bundle: true,
          platform: 'node',
          target: 'node20',
          format: 'esm',
          legalComments: 'none',
          logLevel: 'warning',
          ...(isLibrary !== true && { banner: { js: isThread === true ? banner : bannerFor(entry) } }),
        })
        .then(() => chmodSync(target, isLibrary === true || isThread === true ? 0o644 : 0o755)),
    );
  }
  try {
    await Promise.all(made);
  } catch {
    throw new Error('esbuild could not bundle a program (above). Mend it and build again.');
  }
}

function makeHelper() {
  const folder = join(root, 'runi-agent/helper');
  const out = join(dist, 'libexec');
  mkdirSync(out, { recursive: true });
  try {
    execFileSync('make', ['-s', '-C', folder, `OUT=${out}`], { stdio: 'inherit' });
  } catch {
    throw new Error(
      'make failed in runi-agent/helper (above). It needs gcc, make, libc6-dev and libseccomp-dev: run `sh hack/setup`.',
    );
  }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    await build();
  } catch (cause) {
    console.error(`build: ${cause instanceof Error ? cause.message : cause}`);
    process.exitCode = 1;
  }
}
