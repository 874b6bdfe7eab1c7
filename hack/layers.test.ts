import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { checkLayers, checkPackages } from './layers.ts';

describe('hack: layers', () => {
  let root = '';
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'layers-'));
    for (const file of [
      'base/index.ts',
      'base/clock.ts',
      'barn/index.ts',
      'barn/wal.ts',
      'runi-slice/protocol/index.ts',
    ])
      plant(file, 'export {};\n');
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  function plant(file: string, text: string): void {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), text);
  }
  function findings(file: string, text: string): readonly string[] {
    plant(file, text);
    return checkLayers(root, [file]);
  }

  for (const [title, file, text] of [
    ['downwards through the door', 'barn/wal.ts', `import { x } from '../base/index.ts';`],
    ['a file of its own room', 'barn/index.ts', `export * from './wal.ts';`],
    ['node itself', 'base/clock.ts', `import { setTimeout } from 'node:timers';`],
    ['a package on the list', 'barn/wal.ts', `const { ClassicLevel } = await import('classic-level');`],
    ['the protocol from the agent', 'runi-agent/main.ts', `import { x } from '../runi-slice/protocol/index.ts';`],
    ["the support of tests in a room's test", 'barn/wal.test.ts', `import { x } from '../test/support/residue.ts';`],
    ['anything from test/', 'test/integration/x.test.ts', `import { x } from '../../barn/wal.ts';`],
  ] as const)
    it(`lets through ${title}`, () => {
      plant('test/support/residue.ts', 'export {};');
      expect(findings(file, text)).to.deep.equal([]);
    });

  for (const [title, file, text, finding] of [
    [
      'an import upwards',
      'base/clock.ts',
      `import { x } from '../barn/index.ts';`,
      'base/clock.ts:1: base may not import barn (it may: nothing)',
    ],
    [
      'an import sideways',
      'controllers/a.ts',
      `\nimport { x } from '../barn/index.ts';`,
      'controllers/a.ts:2: controllers may not import barn (it may: base, apis, client, lang/contracts, lang/expressions, lang/features)',
    ],
    [
      'an import past the door',
      'barn/wal.ts',
      `import { x } from '../base/clock.ts';`,
      'barn/wal.ts:1: imports base/clock.ts past the door base/index.ts',
    ],
    [
      'an export from past the door',
      'barn/wal.ts',
      `export * from '../base/clock.ts';`,
      'barn/wal.ts:1: imports base/clock.ts past the door base/index.ts',
    ],
    [
      'an import() upwards',
      'base/clock.ts',
      `const x = await import('../barn/index.ts');`,
      'base/clock.ts:1: base may not import barn (it may: nothing)',
    ],
    [
      'a type import upwards',
      'base/clock.ts',
      `export type X = import('../barn/index.ts').X;`,
      'base/clock.ts:1: base may not import barn (it may: nothing)',
    ],
    [
      'a worker of another room',
      'base/clock.ts',
      `new Worker(new URL('../barn/wal.js', import.meta.url));`,
      'base/clock.ts:1: base may not import barn (it may: nothing)',
    ],
    [
      'a computed import()',
      'base/clock.ts',
      `const x = await import(name);`,
      'base/clock.ts:1: imports what only the run will tell; name the module',
    ],
    [
      'a file that is not there',
      'base/clock.ts',
      `import './gone.ts';`,
      'base/clock.ts:1: imports base/gone.ts, which does not exist',
    ],
    [
      'a script of hack/',
      'base/clock.ts',
      `import '../hack/tree.ts';`,
      'base/clock.ts:1: imports hack/tree.ts, which belongs to no room below base',
    ],
    [
      'a package not on the list',
      'base/clock.ts',
      `import express from 'express';`,
      'base/clock.ts:1: base may not import the package express (hack/layers.ts has the list; a new one needs a reason)',
    ],
    [
      'node without its prefix',
      'base/clock.ts',
      `import { readFileSync } from 'fs';`,
      'base/clock.ts:1: write node:fs',
    ],
    [
      'the inside of another room in a test',
      'barn/wal.test.ts',
      `import '../base/clock.ts';`,
      'barn/wal.test.ts:1: imports base/clock.ts past the door base/index.ts',
    ],
  ] as const)
    it(`finds ${title}`, () => {
      plant('hack/tree.ts', 'export {};');
      expect(findings(file, text)).to.deep.equal([finding]);
    });

  it('finds packages that are imported but not listed, or listed but not imported', () => {
    plant('package.json', '{"dependencies": {"winston": "1", "yaml": "1"}}');
    plant('base/log.ts', `import 'winston'; import 'rxjs/operators'; import type { a } from 'b';`);
    plant('base/log.test.ts', `import 'yaml'; import 'chai';`);
    expect(checkPackages(root, ['base/log.ts', 'base/log.test.ts'])).to.deep.equal([
      'package.json: base/log.ts imports rxjs, which is not among the dependencies',
      'package.json: nobody imports yaml: remove it',
    ]);
  });

  it('finds nothing in the real tree', function () {
    this.timeout(60_000);
    expect(checkLayers(process.cwd())).to.deep.equal([]);
  });
});
