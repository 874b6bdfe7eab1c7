// What `npm run quickstart` does once everything is built: starts a cluster, applies manifests/quickstart, follows the runs
// and tells what came out. It uses runictl as a user would.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, openSync, readFileSync, rmSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { printReport, type QuickRun } from './quickstart-report.ts';

const root = resolve(fileURLToPath(import.meta.url), '../../..');
const runictl = join(root, 'dist', 'bin', 'runictl');
const dataSets = ['flights-20k.json', 'airports.csv', 'movies.json'];
const pipelines = [
  { herd: 'flights', name: 'delays', output: 'delays.ndjson', letters: 'flights-dead.ndjson' },
  { herd: 'movies', name: 'genres', output: 'genres.csv', letters: 'movies-dead.ndjson' },
] as const;

const { values: options } = parseArgs({
  options: {
    keep: { type: 'boolean', default: false },
    data: { type: 'string', default: join(root, '.quickstart') },
    isolation: { type: 'string', default: 'full' },
  },
});
const dataDir = resolve(options.data);

async function main(): Promise<number> {
  if (runVerb(['dev', 'status', '--data', dataDir, '-o', 'json']).status === 0) {
    console.log('quickstart: ending the cluster that an earlier one kept');
    runVerb(['dev', 'stop', '--data', dataDir]);
  }
  clearFolder();
  mkdirSync(join(dataDir, 'data'), { recursive: true });
  for (const file of dataSets)
    copyFileSync(join(root, 'node_modules', 'vega-datasets', 'data', file), join(dataDir, 'data', file));
  const cluster = await startCluster();
  let code = 1;
  try {
    code = await walk();
  } finally {
    if (options.keep && code === 0) cluster.unref();
    else await stopCluster(cluster);
  }
  return code;
}

// Only what an earlier quickstart or dev has made is thrown away.
function clearFolder(): void {
  if (!existsSync(dataDir)) return;
  for (const name of ['apiserver', 'nodes', 'data', 'logs', 'kubeconfig', 'dev.json'])
    rmSync(join(dataDir, name), { recursive: true, force: true });
}

async function walk(): Promise<number> {
  const startMs = performance.now();
  if (follow(['apply', '-f', join(root, 'manifests', 'quickstart')]) !== 0) return 1;
  for (const { herd, name } of pipelines) {
    console.log(`\n${herd}/${name}`);
    if (follow(['watch', '--pipeline', name, '-n', herd]) !== 0) {
      follow(['describe', 'pipeline', name, '-n', herd]);
      follow(['logs', '--pipeline', name, '-n', herd, '--tail', '20']);
      return 1;
    }
  }
  const out = join(dataDir, 'data', 'out');
  for (const { herd, name, output, letters } of pipelines)
    await printReport(runOf(herd, name), join(out, output), join(out, letters));
  console.log(
    `\nFrom apply to here: ${((performance.now() - startMs) / 1000).toFixed(1)} s. The files are in ${shown(out)}`,
  );
  printNext();
  return 0;
}

function runOf(herd: string, pipeline: string): QuickRun {
  const name = runVerb(['get', 'pipeline', pipeline, '-n', herd, '-o', 'jsonpath={.status.lastRun}']).stdout;
  // The reader of our own command's output.
  return JSON.parse(runVerb(['get', 'run', name, '-n', herd, '-o', 'json']).stdout) as QuickRun;
}

function printNext(): void {
  const program = shown(runictl);
  const use = `export KUBECONFIG=${shown(join(dataDir, 'kubeconfig'))}`;
  const next = options.keep
    ? [
        `${use}; ${program} get pipelines,runs -A`,
        `${program} run delays -n flights --watch`,
        `${program} dev stop --data ${shown(dataDir)}`,
      ]
    : [
        `${program} dev --data ${shown(dataDir)}      # the same cluster again, until Ctrl-C`,
        `${use}; ${program} describe run -n movies   # in another terminal`,
        `${program} run delays -n flights --watch`,
      ];
  console.log(`\nTry next:\n${next.map((command) => `  ${command}`).join('\n')}`);
}

async function startCluster(): Promise<ChildProcess> {
  const isolation = options.isolation === 'none' ? ['--isolation', 'none'] : [];
  const log = join(dataDir, 'dev.log');
  const child = spawn(process.execPath, [runictl, 'dev', '--data', dataDir, ...isolation], {
    // A Ctrl-C reaches us alone; we end the cluster.
    detached: true,
    stdio: ['ignore', 'pipe', options.keep ? openSync(log, 'a') : 'inherit'],
  });
  const end = (): void => void child.kill('SIGTERM');
  process.once('SIGINT', end).once('SIGTERM', end);
  await new Promise<void>((resolveReady, reject) => {
    child.once('error', reject);
    child.once('close', () => reject(new Error(`the cluster did not start (above, or in ${log})`)));
    if (child.stdout === null) return reject(new Error('the cluster has no stdout'));
    createInterface({ input: child.stdout }).once('line', (line) => {
      console.log(line);
      child.stdout?.destroy();
      resolveReady();
    });
  });
  return child;
}

async function stopCluster(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise<void>((resolveGone) => child.once('exit', () => resolveGone()));
  child.kill('SIGTERM');
  await gone;
  console.log('\nThe cluster is stopped.');
}

/** Runs runictl in the foreground; its exit code. */
function follow(args: readonly string[]): number {
  return (
    spawnSync(process.execPath, [runictl, ...args], { stdio: ['ignore', 'inherit', 'inherit'], env: envOf() }).status ??
    1
  );
}

function runVerb(args: readonly string[]): { readonly status: number | null; readonly stdout: string } {
  return spawnSync(process.execPath, [runictl, ...args], { encoding: 'utf8', env: envOf() });
}

function envOf(): NodeJS.ProcessEnv {
  return { ...process.env, KUBECONFIG: join(dataDir, 'kubeconfig') };
}

function shown(path: string): string {
  const near = relative(process.cwd(), path);
  return near.startsWith('..') ? path : near;
}

try {
  process.exitCode = await main();
} catch (cause) {
  console.error(`quickstart: ${cause instanceof Error ? cause.message : String(cause)}`);
  if (existsSync(join(dataDir, 'dev.log'))) console.error(readFileSync(join(dataDir, 'dev.log'), 'utf8').trimEnd());
  process.exitCode = 1;
}
