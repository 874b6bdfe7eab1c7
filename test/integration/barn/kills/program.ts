// The victim in one file, and the thread it starts in another: a start that reads two files costs half of one that reads two
// hundred, and a kill needs a start.
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { build, type Plugin } from 'esbuild';

const dist = resolve(import.meta.dirname, '../../../..');

/** A program that can be started with `process.execPath`. */
export interface VictimProgram {
  readonly path: string;
  remove(): Promise<void>;
}

/** Bundles it into a folder of its own in dist/, where packages are found. */
export async function bundleVictim(): Promise<VictimProgram> {
  await mkdir(join(dist, 'test'), { recursive: true });
  const folder = await mkdtemp(join(dist, 'test', 'victim-'));
  // Where the embedded store looks for its thread in a bundle.
  const thread = join(folder, 'libexec/barn-worker.mjs');
  const path = join(folder, 'bin/victim.mjs');
  await Promise.all([
    bundle(join(dist, 'barn/node/worker.js'), thread),
    bundle(join(import.meta.dirname, 'victim.js'), path),
  ]);
  return { path, remove: () => rm(folder, { recursive: true, force: true }) };
}

async function bundle(entry: string, outfile: string): Promise<void> {
  await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    minify: true,
    platform: 'node',
    format: 'esm',
    logLevel: 'error',
    external: ['@grpc/grpc-js', 'classic-level'],
    plugins: [noWinston],
  });
}

/** The victim has a log of its own; reading winston would be a sixth of its start. */
const noWinston: Plugin = {
  name: 'no-winston',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^winston$/ }, () => ({ path: 'winston', namespace: 'none' }));
    onLoad({ filter: /.*/, namespace: 'none' }, () => ({ contents: 'export default {};' }));
  },
};
