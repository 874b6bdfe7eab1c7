import { spawnSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { expect } from 'chai';
import { modulesOf, parseFile } from './imports.ts';

describe('hack: build', function () {
  this.timeout(30_000);
  // Agents copy some of these away from the tree: whatever is not in the file is not there.
  for (const [program, outside] of [
    ['bin/runink-apiserver', ['classic-level', '@grpc/grpc-js']],
    ['bin/runink-controllers', []],
    ['bin/runi-agent', []],
    ['bin/runictl', ['esbuild']],
    ['libexec/runi-exchange', []],
    ['libexec/runi-slice', ['computed']], // the module of a step
  ] as const)
    it(`puts all of ${program} into one executable file`, () => {
      const file = `dist/${program}`;
      expect(statSync(file).mode & 0o111, 'execute bits').to.equal(0o111);
      const text = readFileSync(file, 'utf8');
      expect(text.slice(0, text.indexOf('\n'))).to.equal('#!/usr/bin/env node');
      const modules = modulesOf(parseFile(`${program}.mjs`, text.slice(text.indexOf('\n'))));
      const imported = modules.filter(({ kind }) => kind === 'import').map(({ specifier }) => specifier ?? 'computed');
      expect(imported.filter((name) => !isBuiltin(name) && !outside.some((allowed) => allowed === name))).to.deep.equal(
        [],
      );
    });

  it('does nothing when nothing changed', function () {
    this.timeout(120_000); // the first may have to build
    const run = () => spawnSync(process.execPath, ['hack/build.mjs'], { encoding: 'utf8' });
    expect(run().status).to.equal(0);
    const { status, stdout, stderr } = run();
    expect({ status, output: stdout + stderr }).to.deep.equal({ status: 0, output: '' });
  });
});
