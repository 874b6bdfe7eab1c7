// npm run soak [kills|simulation|ontop|controller|machine]: what takes too long for every change. Needs root for `machine`.
//   kills    kill -9 of a process that writes, RUNINK_SOAK_KILLS times (default 10,000); needs what `npm run build` made
//   simulation  fresh seeds of the simulated cluster, RUNINK_SOAK_SECONDS long (default 4 hours); failed ones are kept
//   ontop    servers and controllers under trouble, RUNINK_SOAK_SECONDS long (default 4 hours); its seed is printed
//   controller  somebody's controller over their own kind under trouble, RUNINK_SOAK_SECONDS long; its seed is printed
//   machine  an empty Debian in which a clone runs the README's two commands, in either order, twice in a row
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../', import.meta.url));
const kills = process.env['RUNINK_SOAK_KILLS'] ?? '10000';
const seconds = process.env['RUNINK_SOAK_SECONDS'] ?? '14400';
const soaks: Readonly<Record<string, () => boolean>> = {
  kills: () =>
    succeeds('node_modules/.bin/mocha', ['dist/test/integration/barn/kills/kills.test.js'], { BARN_KILLS: kills }),
  simulation: () => succeeds('node', ['dist/test/sim/main.js', '--seconds', seconds, '--keep']),
  ontop: () => succeeds('node_modules/.bin/mocha', ['dist/test/e2e/on-top.test.js'], { ON_TOP_SECONDS: seconds }),
  controller: () =>
    succeeds('node_modules/.bin/mocha', ['dist/test/e2e/controller.test.js'], { CONTROLLER_SECONDS: seconds }),
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
