// The layer table of the house and its check: imports point down only, and through a room's door.

import { existsSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join, normalize } from 'node:path';
import { type ImportedModule, modulesOf, parseFile } from './imports.ts';
import { sourceFiles } from './tree.ts';

interface Room {
  /** Folders of the rooms it may import from, by their doors. */
  readonly below: readonly string[];
  /** Packages it may import at run time. */
  readonly packages: readonly string[];
}

const contracts = 'lang/contracts';
const expressions = 'lang/expressions';
const features = 'lang/features';
const protocol = 'runi-slice/protocol';

/** A room is the longest folder here that a file lies in; its door is `index.ts` in it. */
export const rooms: Readonly<Record<string, Room>> = {
  base: { below: [], packages: ['winston', 'prom-client', 'rxjs'] },
  apis: { below: ['base'], packages: ['ajv', 'ajv-formats', 're2js'] },
  client: { below: ['base', 'apis'], packages: ['fast-json-patch', 'rxjs', 'yaml'] },
  [contracts]: { below: ['base', 'apis'], packages: ['ajv', 'ajv-formats', 're2js', 'yaml'] },
  [expressions]: { below: ['base', 'apis'], packages: ['@marcbachmann/cel-js', 're2js'] },
  [features]: { below: ['base', 'apis'], packages: [] },
  barn: { below: ['base'], packages: ['@bufbuild/protobuf', '@grpc/grpc-js', 'classic-level'] },
  pki: { below: ['base'], packages: ['@peculiar/x509', 'reflect-metadata'] },
  apiserver: {
    below: ['base', 'apis', contracts, expressions, 'barn', 'pki'],
    packages: [
      'express',
      '@bufbuild/protobuf',
      '@marcbachmann/cel-js',
      'ajv',
      'fast-json-patch',
      'json-merge-patch',
      'prom-client',
      'yaml',
    ],
  },
  controllers: {
    below: ['base', 'apis', 'client', contracts, expressions, features],
    packages: ['rxjs', 'prom-client'],
  },
  [protocol]: { below: ['base', 'apis'], packages: [] },
  'runi-agent': { below: ['base', 'apis', 'client', protocol], packages: ['rxjs', 'prom-client'] },
  'runi-slice': {
    below: ['base', 'apis', contracts, expressions, protocol],
    packages: ['csv-parse', 'csv-stringify', 'classic-level', 're2js'],
  },
  runictl: {
    below: ['base', 'apis', 'client', contracts, expressions, features, 'pki'],
    packages: ['cli-table3', 'commander', 'esbuild', 'fast-json-patch', 'json-merge-patch', 'picocolors', 'yaml'],
  },
};

/** Files that import what only the run can tell, each with the reason. */
const computedImports: Readonly<Record<string, string>> = {
  'runi-slice/steps/module.ts': "the user's step module, at /step",
};

/** Rooms that look into all others and that nobody may import. */
const outside = ['test', 'hack'];

/** All findings of the whole tree or of some files, one a line: file, line, what it imports and why it may not. */
export function checkLayers(root: string, files: readonly string[] = sourceFiles(root)): readonly string[] {
  return files.flatMap((file) => {
    const parsed = parseFile(file, readFileSync(join(root, file), 'utf8'));
    return modulesOf(parsed).flatMap((module) => {
      const fault = faultOf(root, file, module);
      return fault === undefined ? [] : [`${file}:${module.line}: ${fault}`];
    });
  });
}

/** Packages that the product imports and package.json does not list as such, and those listed that nobody imports. */
export function checkPackages(root: string, files: readonly string[] = sourceFiles(root)): readonly string[] {
  const listed = dependenciesOf(root);
  const imported = new Map<string, string>();
  for (const file of files.filter((name) => !isTest(name) && !outside.includes(roomOf(name) ?? 'hack'))) {
    const modules = modulesOf(parseFile(file, readFileSync(join(root, file), 'utf8')));
    for (const { specifier, isTypeOnly } of modules)
      if (specifier !== undefined && !isTypeOnly && !specifier.startsWith('.') && !isBuiltin(specifier))
        imported.set(packageOf(specifier), file);
  }
  return [
    ...[...imported]
      .filter(([name]) => !listed.includes(name))
      .map(([name, file]) => `package.json: ${file} imports ${name}, which is not among the dependencies`),
    ...listed.filter((name) => !imported.has(name)).map((name) => `package.json: nobody imports ${name}: remove it`),
  ];
}

function dependenciesOf(root: string): readonly string[] {
  const parsed: unknown = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  if (typeof parsed !== 'object' || parsed === null || !('dependencies' in parsed)) return [];
  return Object.keys(parsed.dependencies ?? {});
}

/** What is wrong with one import, or undefined. */
function faultOf(root: string, file: string, { specifier, isTypeOnly }: ImportedModule): string | undefined {
  const from = roomOf(file);
  if (from === undefined || outside.includes(from)) return undefined;
  if (specifier === undefined)
    return isTest(file) || file in computedImports ? undefined : 'imports what only the run will tell; name the module';
  if (!specifier.startsWith('.')) return packageFault(from, file, specifier, isTypeOnly);

  const target = normalize(join(dirname(file), specifier));
  if (!isThere(root, target)) return `imports ${target}, which does not exist`;
  const to = roomOf(target);
  if (to === from) return undefined;
  if (to === 'test' && isTest(file) && target.startsWith('test/support/')) return undefined;
  if (to === undefined || outside.includes(to)) return `imports ${target}, which belongs to no room below ${from}`;
  if (!(rooms[from]?.below ?? []).includes(to)) return `${from} may not import ${to} (it may: ${below(from)})`;
  return target === `${to}/index.ts` ? undefined : `imports ${target} past the door ${to}/index.ts`;
}

function packageFault(room: string, file: string, specifier: string, isTypeOnly: boolean): string | undefined {
  if (isBuiltin(specifier)) return specifier.startsWith('node:') ? undefined : `write node:${specifier}`;
  const name = packageOf(specifier);
  if (isTest(file) || (isTypeOnly && name === '@kubernetes/client-node')) return undefined;
  if ((rooms[room]?.packages ?? []).includes(name)) return undefined;
  return `${room} may not import the package ${name} (hack/layers.ts has the list; a new one needs a reason)`;
}

function packageOf(specifier: string): string {
  const parts = specifier.split('/');
  return parts.slice(0, specifier.startsWith('@') ? 2 : 1).join('/');
}

function roomOf(file: string): string | undefined {
  const parts = file.split('/');
  const two = parts.slice(0, 2).join('/');
  if (two in rooms) return two;
  const [one] = parts;
  return one !== undefined && (one in rooms || outside.includes(one)) ? one : undefined;
}

/** A file as imported; a worker is named by its compiled `.js`. */
const isThere = (root: string, target: string): boolean =>
  existsSync(join(root, target)) || existsSync(join(root, target.replace(/\.js$/, '.ts')));
/** A test, or the suite that all twins of an interface pass. */
const isTest = (file: string): boolean => /(\.test|(^|[-/])conformance)\.ts$|\/conformance\//.test(file);
const below = (room: string): string => rooms[room]?.below.join(', ') || 'nothing';
