// npm run soak [barn|simulation|machine]: what takes too long for every change. Needs root for `machine`.
//   barn     kill -9 of a process that writes, RUNINK_SOAK_ROUNDS times (default 2,000)
//   simulation  fresh seeds of the simulated cluster, RUNINK_SOAK_SECONDS long (default 4 hours); failed ones are kept
//   machine  an empty Debian in which a clone runs the README's two commands, in either order, twice in a row
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../', import.meta.url));
const rounds = process.env['RUNINK_SOAK_ROUNDS'] ?? '2000';
const seconds = process.env['RUNINK_SOAK_SECONDS'] ?? '14400';
const soaks: Readonly<Record<string, () => boolean>> = {
  barn: () =>
    succeeds('node_modules/.bin/mocha', ['--timeout', '0', 'dist/test/integration/barn/kill.test.js'], {
      BARN_KILL_ROUNDS: rounds,
    }),
  simulation: () => succeeds('node', ['dist/test/sim/main.js', '--seconds', seconds, '--keep']),
  machine: () =>
    succeeds('sh', ['hack/empty-machine', 'quickstart', 'test', 'quickstart', 'test']) &&
    succeeds('sh', ['hack/empty-machine', 'test', 'quickstart', 'test', 'quickstart']),
};

const wanted = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(soaks);
const failed = wanted.filter((name) => soaks[name]?.() !== true);
for (const name of failed)
  console.error(name in soaks ? `soak ${name}: failed` : `soak ${name}: there is no such soak`);
console.log(`${wanted.length - failed.length} of ${wanted.length} soaks held`);
process.exitCode = failed.length === 0 ? 0 : 1;

function succeeds(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): boolean {
  return spawnSync(command, args, { cwd: root, stdio: 'inherit', env: { ...process.env, ...env } }).status === 0;
}
