// `npm test [-- SUITE…]`: sets up, builds and runs the suites one after another. The last line is
// `N passed, N failed, N skipped`; the exit code is 1 when a test failed or none ran.
// `--raise-floor` afterwards lifts hack/coverage-floor.json to what was measured, never lowers it.

import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build, rooms, root } from './build.mjs';

const compiled = (folder) => join(root, 'dist', folder);
// Each has a limit of its own, and all together what .ci/run may take on two cores, less its setup, build and verify.
const allSecondsMax = 1_500;
const suites = [
  {
    name: 'unit',
    folders: [...rooms.filter((room) => room !== 'test'), 'test/support'],
    secondsMax: 300,
    isMeasured: true,
  },
  { name: 'simulation', folders: ['test/sim'], secondsMax: 420, isMeasured: false },
  { name: 'integration', folders: ['test/integration'], secondsMax: 840, isMeasured: true },
  { name: 'e2e', folders: ['test/e2e'], secondsMax: 720, isMeasured: false },
];
const residueMsMax = 10_000;
const toldMax = 1_000;
const floorFile = join(root, 'hack/coverage-floor.json');
const coverageFolder = join(root, 'coverage');
// The measure trembles a little from run to run (timeouts, retries); the floor must not.
const slackPercent = 0.5;

const total = { passed: 0, failed: 0, skipped: 0 };
const failures = [];

async function main(chosen) {
  try {
    prepare();
    await build();
    const { takeResidue, waitForNoResidue } = await import(pathToFileURL(compiled('test/support/residue.js')).href);
    rmSync(coverageFolder, { recursive: true, force: true });
    mkdirSync(join(coverageFolder, 'tmp'), { recursive: true });
    const before = takeResidue();
    const endMs = Date.now() + allSecondsMax * 1000;
    for (const suite of chosen) await runSuite(suite, Math.ceil((endMs - Date.now()) / 1000));
    countCleaning(await waitForNoResidue(before, residueMsMax));
    if (suites.every((suite) => !suite.isMeasured || chosen.includes(suite))) checkCoverage();
  } catch (cause) {
    fail(`npm test: ${cause instanceof Error ? cause.message : cause}`);
  }
  if (total.passed + total.failed === 0) fail('npm test: no test ran');
  for (const failure of failures) console.log(`failed: ${failure}`);
  console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
  process.exitCode = total.failed > 0 ? 1 : 0;
}

function fail(what) {
  total.failed++;
  failures.push(what);
}

function prepare() {
  const { status } = spawnSync('sh', [join(root, 'hack/setup'), '--test'], { stdio: 'inherit' });
  if (status !== 0) throw new Error('hack/setup failed (above)');
}

/** Runs one suite in a process of its own, and adds its counts; a suite that gives none is one failed test. */
async function runSuite({ name, folders, secondsMax: ownMax, isMeasured }, leftSeconds) {
  const secondsMax = Math.max(1, Math.min(ownMax, leftSeconds));
  const files = folders.flatMap(testFiles).sort();
  if (files.length === 0) {
    console.log(`\n${name}: no tests yet`);
    return;
  }
  console.log(`\n${name}: ${files.length} files, at most ${secondsMax} s`);
  const scratch = mkdtempSync(join(tmpdir(), 'runink-test-'));
  const result = join(scratch, 'result.json');
  const env = { ...process.env, ...(isMeasured && { NODE_V8_COVERAGE: join(coverageFolder, 'tmp') }) };
  const startMs = Date.now();
  const child = spawn(process.execPath, ['--enable-source-maps', join(root, 'hack/suite.mjs'), result, ...files], {
    cwd: root,
    env,
    stdio: ['ignore', 'inherit', 'inherit'],
    detached: true, // a group of its own, so that at the limit its children end with it
  });
  const end = (signal) => {
    try {
      process.kill(-child.pid, signal);
    } catch {
      // It is gone already.
    }
  };
  const forward = (signal) => {
    end(signal);
    setTimeout(() => end('SIGKILL'), 5_000).unref();
  };
  let isLate = false;
  const limit = setTimeout(() => {
    isLate = true;
    end('SIGKILL');
  }, secondsMax * 1000);
  process.on('SIGINT', forward).on('SIGTERM', forward);
  const code = await new Promise((resolve) => child.once('close', (status, signal) => resolve(status ?? signal)));
  process.off('SIGINT', forward).off('SIGTERM', forward);
  clearTimeout(limit);

  const counts = existsSync(result) ? JSON.parse(readFileSync(result, 'utf8')) : undefined;
  rmSync(scratch, { recursive: true, force: true });
  if (counts !== undefined) for (const key of Object.keys(total)) total[key] += counts[key];
  for (const told of counts?.told ?? []) failures.push(`${name}: ${shortened(told)}`);
  if (isLate) fail(`${name}: not done after ${secondsMax} s`);
  else if (counts === undefined) fail(`${name}: ended without a result (${code})`);
  else if (code !== 0 && counts.failed === 0) fail(`${name}: ended badly after its last test (${code})`);
  console.log(`${name}: ${counts === undefined ? 'no result' : summary(counts)} in ${seconds(startMs)} s`);
}

/** Said again behind everything, where a long log is read first; the whole story is above. */
const shortened = (told) => (told.length > toldMax ? `${told.slice(0, toldMax)}… (more above)` : told);

const summary = (counts) => `${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`;
const seconds = (startMs) => ((Date.now() - startMs) / 1000).toFixed(1);

function testFiles(folder) {
  if (!existsSync(compiled(folder))) return [];
  const found = readdirSync(compiled(folder), { recursive: true }).filter((name) => name.endsWith('.test.js'));
  return found.map((name) => relative(root, join(compiled(folder), name)));
}

/** `Tests clean up`, a test around all others. Where other clusters share the machine it can only tell. */
function countCleaning(left) {
  for (const line of left) console.log(`  ✗ ${line}`);
  if (left.length === 0) total.passed++;
  else if (process.env.RUNINK_TEST_SHARED === '1') {
    total.skipped++;
    console.log('  - skipped: Tests clean up (RUNINK_TEST_SHARED=1: the machine has other clusters)');
  } else fail(`Tests clean up: ${left.length} things left behind (told above)`);
}

/** The share of lines, branches and functions that the measured suites ran, against the floor. */
function checkCoverage() {
  const { status } = spawnSync(
    process.execPath,
    [
      join(root, 'node_modules/c8/bin/c8.js'),
      'report',
      '--temp-directory',
      join(coverageFolder, 'tmp'),
      '--report-dir',
      coverageFolder,
      '--reporter',
      'json-summary',
      '--all',
      '--exclude-after-remap',
      '--extension',
      '.ts',
      ...rooms.filter((room) => room !== 'test' && room !== 'hack').flatMap((room) => ['--include', `${room}/**/*.ts`]),
      '--exclude',
      '**/*.test.ts',
      '--exclude',
      '**/*.gen.ts',
    ],
    { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] },
  );
  if (status !== 0) return fail('coverage: c8 could not report (above)');
  const all = JSON.parse(readFileSync(join(coverageFolder, 'coverage-summary.json'), 'utf8')).total;
  const measured = Object.fromEntries(['lines', 'branches', 'functions'].map((key) => [key, all[key].pct]));
  const floor = JSON.parse(readFileSync(floorFile, 'utf8'));
  console.log(`\ncoverage: ${JSON.stringify(measured)}, floor ${JSON.stringify(floor)}`);
  const below = Object.keys(measured).filter((key) => measured[key] < floor[key]);
  if (below.length > 0)
    fail(
      `coverage of ${below.join(', ')} is below hack/coverage-floor.json: test what you added, the floor only rises`,
    );
  else total.passed++;
  if (process.argv.includes('--raise-floor')) {
    const raised = (key) => Math.max(floor[key], Math.floor((measured[key] - slackPercent) * 10) / 10);
    const next = Object.fromEntries(Object.keys(measured).map((key) => [key, raised(key)]));
    writeFileSync(floorFile, `${JSON.stringify(next, null, 2)}\n`);
    console.log(`coverage: the floor is now ${JSON.stringify(next)}`);
  }
}

const wanted = process.argv.slice(2).filter((word) => !word.startsWith('-'));
const unknown = wanted.filter((name) => !suites.some((suite) => suite.name === name));
if (unknown.length > 0) {
  console.error(`test: no suite ${unknown.join(', ')}. There are: ${suites.map((suite) => suite.name).join(', ')}.`);
  process.exit(2);
}
await main(suites.filter((suite) => wanted.length === 0 || wanted.includes(suite.name)));
