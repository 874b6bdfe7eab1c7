// Runs one suite of compiled tests in this process: `node hack/suite.mjs RESULT.json FILE…`. hack/test.mjs starts it.
// A line for each group of tests, the whole story of each failure; RESULT.json has the counts and what failed, in short.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import Mocha from 'mocha';

// Only this process is measured: a program that a test starts would otherwise write its coverage too, on the way out.
delete process.env.NODE_V8_COVERAGE;

const lingerMsMax = 5_000;
const [resultFile, ...files] = process.argv.slice(2);
const isVerbose = process.env.RUNINK_TEST_VERBOSE === '1';

class Reporter extends Mocha.reporters.Base {
  constructor(runner, options) {
    super(runner, options);
    const skipped = [];
    let group = { title: '', passed: 0, failed: 0, skipped: 0, startMs: 0 };
    const line = (text) => process.stdout.write(`${text}\n`);

    runner.on('suite', (suite) => {
      if (suite.parent?.root) group = { title: suite.title, passed: 0, failed: 0, skipped: 0, startMs: Date.now() };
    });
    runner.on('suite end', (suite) => {
      if (!suite.parent?.root || group.passed + group.failed + group.skipped === 0) return;
      const others = [group.failed && `${group.failed} failed`, group.skipped && `${group.skipped} skipped`];
      const counts = [`${group.passed} passed`, ...others].filter(Boolean).join(', ');
      line(`  ${group.failed ? '✗' : '✓'} ${group.title}: ${counts} (${Date.now() - group.startMs} ms)`);
    });
    runner.on('pass', (test) => {
      group.passed++;
      if (isVerbose) line(`    ✓ ${test.fullTitle()} (${test.duration} ms)`);
    });
    runner.on('fail', (test) => {
      group.failed++;
      line(`    ✗ ${test.fullTitle()}`);
    });
    runner.on('pending', (test) => {
      group.skipped++;
      skipped.push(test.fullTitle());
      line(`    - skipped: ${test.fullTitle()}`);
    });
    runner.on('end', () => {
      if (this.failures.length > 0) Mocha.reporters.Base.list(this.failures);
      const { passes, failures, pending } = this.stats;
      const told = this.failures.map((test) => `${test.fullTitle()}: ${test.err?.message ?? 'no reason given'}`);
      writeFileSync(resultFile, JSON.stringify({ passed: passes, failed: failures, skipped: pending, told }));
    });
  }
}

const mocha = new Mocha({ timeout: 10_000, forbidOnly: true, reporter: Reporter });
for (const file of files) mocha.addFile(file);
await mocha.loadFilesAsync();
mocha.run((failures) => {
  process.exitCode = failures > 0 ? 1 : 0;
  // A test that leaves a socket, timer or child open keeps the process alive. That is a fault of the test.
  setTimeout(() => {
    console.error(
      `  ✗ still open ${lingerMsMax} ms after the last test: ${process.getActiveResourcesInfo().join(', ')}`,
    );
    for (const child of children()) console.error(`    child ${child}`);
    process.exit(3);
  }, lingerMsMax).unref();
});

/** The processes that this one started and that still run, each with its command line. */
function children() {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const parent = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ')[1];
        if (parent !== String(process.pid)) return [];
        return [`${pid}: ${readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')}`];
      } catch {
        return []; // It ended meanwhile.
      }
    });
}
