// `npm run verify`: everything a machine can check without running the programs. Each check prints what it found and
// where; the end says which failed and what to do next.

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { checkLayers, checkPackages } from './layers.ts';
import { checkTidy } from './tidy.ts';
import { git, isGenerated, ourFiles } from './tree.ts';

interface Check {
  readonly name: string;
  /** What to do when it fails. */
  readonly next: string;
  /** Prints what is wrong and where. @returns whether all is well. */
  readonly run: () => boolean;
}

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');

const checks: readonly Check[] = [
  { name: 'generated', next: 'run `npm run generate` and commit what changed', run: generatedIsFresh },
  {
    name: 'lock file',
    next: 'run `node hack/complete-lock.mjs` and commit package-lock.json',
    run: () => script('complete-lock.mjs'),
  },
  { name: 'format', next: 'run `npm run format`', run: () => tool('biome', ['check', '.']) },
  { name: 'types', next: 'mend the type errors above', run: () => tool('tsc', ['-p', '.', '--noEmit']) },
  {
    name: 'lint',
    next: 'mend the findings above (STYLE 3 and 4); `npm run lint` shows them again',
    run: () => tool('oxlint', ['--type-aware', '--deny-warnings', '--report-unused-disable-directives', '.']),
  },
  {
    name: 'layers',
    next: 'import downwards and through the door index.ts (the table is in hack/layers.ts)',
    run: () => print([...checkLayers(root), ...checkPackages(root)]),
  },
  {
    name: 'tidy',
    next: 'see each line; the rules and the lists of exceptions are in hack/tidy.ts',
    run: () => print(checkTidy(root)),
  },
  { name: 'coverage floor', next: 'restore hack/coverage-floor.json: the floor only rises', run: floorHolds },
];

process.exitCode = verify() ? 0 : 1;

function verify(): boolean {
  const failed: Check[] = [];
  for (const check of checks) {
    const startMs = Date.now();
    const ok = check.run();
    console.log(`${ok ? '✓' : '✗'} ${check.name} (${Date.now() - startMs} ms)`);
    if (!ok) failed.push(check);
  }
  for (const check of failed) console.log(`verify: ${check.name} failed: ${check.next}`);
  if (failed.length === 0) console.log(`verify: ${checks.length} checks hold`);
  return failed.length === 0;
}

/** Runs a tool of node_modules and shows its output only when it fails. */
function tool(name: string, args: readonly string[]): boolean {
  return shownIfBad(join(root, 'node_modules/.bin', name), args);
}

/** Runs one of our scripts with `--check`. */
function script(name: string): boolean {
  return shownIfBad(process.execPath, [join(root, 'hack', name), '--check']);
}

function shownIfBad(program: string, args: readonly string[]): boolean {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  if (status === 0) return true;
  console.log(`${stdout ?? ''}${stderr ?? ''}${error === undefined ? '' : error.message}`);
  return false;
}

function print(findings: readonly string[]): boolean {
  for (const finding of findings) console.log(`  ${finding}`);
  return findings.length === 0;
}

/** Makes everything generated anew, in place, and asks whether it became another. */
function generatedIsFresh(): boolean {
  // Until the first generator is there.
  if (!existsSync(join(root, 'hack/generate.ts'))) return true;
  const before = generatedText();
  if (!tool('tsx', [join(root, 'hack/generate.ts')])) return false;
  const after = generatedText();
  const changed = [...new Set([...before.keys(), ...after.keys()])].filter(
    (file) => before.get(file) !== after.get(file),
  );
  for (const file of changed) console.log(`  ${file} was not what its generator makes (it is now)`);
  return changed.length === 0;
}

function generatedText(): ReadonlyMap<string, string> {
  const files = ourFiles(root).filter((file) => isGenerated(file) || file.startsWith('manifests/'));
  return new Map(files.map((file) => [file, readFileSync(join(root, file), 'utf8')]));
}

/** Compares the floors here with those of HEAD, and of the commit before the last that touched them (if it is there). */
function floorHolds(): boolean {
  const file = 'hack/coverage-floor.json';
  const last = git(root, ['log', '-n', '1', '--format=%H', '--', file])?.trim() ?? '';
  const here = readFloor(readFileSync(join(root, file), 'utf8'));
  for (const commit of ['HEAD', ...(last === '' ? [] : [`${last}~1`])]) {
    const shown = git(root, ['show', `${commit}:${file}`]);
    for (const [key, value] of shown === undefined ? [] : readFloor(shown)) {
      const now = here.get(key) ?? 0;
      if (now < value) return print([`${file}: ${key} is ${now}, at ${commit.slice(0, 10)} it was ${value}`]);
    }
  }
  return true;
}

function readFloor(text: string): ReadonlyMap<string, number> {
  const parsed: unknown = JSON.parse(text);
  if (typeof parsed !== 'object' || parsed === null) throw new Error('hack/coverage-floor.json is not an object');
  return new Map(Object.entries(parsed).filter((entry): entry is [string, number] => typeof entry[1] === 'number'));
}
