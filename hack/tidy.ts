// What keeps the house tidy and no linter knows: sizes, names, doc comments, words that may not be in a file, and
// that formatter and linter really saw every file.

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { checkExports } from './tidy-exports.ts';
import { isGenerated, isSource, ourFiles } from './tree.ts';

const linesMax = 400;
const fileBytesMax = 512 * 1024;

/** Files past 400 lines, each with the reason why it holds one idea all the same. */
const longFiles: Readonly<Record<string, string>> = {};

/** Names that say where something was put and not what it is. */
const bannedNames = new Set(['common', 'helpers', 'lib', 'libs', 'misc', 'pkg', 'src', 'types', 'util', 'utils']);

interface BannedText {
  readonly pattern: RegExp;
  readonly why: string;
  /** Files that must say it, since they look for it. */
  readonly except: readonly string[];
}

// Spelled so that this file does not find itself.
const bannedTexts: readonly BannedText[] = [
  { pattern: /\b(?:describe|context|it|specify)\.only\(/, why: 'leaves all other tests out', except: [] },
  { pattern: /\/(?:Users|home)\/[a-z][\w-]*\/[\w.]/, why: "is a path of somebody's machine", except: [] },
  {
    pattern: /\/work\/(?:main|wt|shared)\b|\/root\/[\w.]/,
    why: "is a path of somebody's machine",
    except: ['hack/empty-machine'], // there it is the machine that it makes
  },
  {
    pattern:
      /\b(?:registry\.(?:npmjs|yarnpkg)|(?:deb|security)\.debian|files\.pythonhosted|proxy\.golang)\.(?:org|com)\b/,
    why: 'names a registry host: the machine decides where packages come from',
    except: [],
  },
  { pattern: /\b(?:TODO|FIXME|XXX)\b/, why: 'is work left undone: do it, or file an issue', except: ['hack/tidy.ts'] },
];

/** All findings, one a line with file, line and what to do. */
export function checkTidy(root: string): readonly string[] {
  const files = ourFiles(root);
  return [...checkFiles(root, files), ...checkSeen(root, files), ...checkChangelog(root), ...checkScripts(root)];
}

/** What is wrong in the given files, each by itself. */
export function checkFiles(root: string, files: readonly string[]): readonly string[] {
  return files.flatMap((file) => {
    const { size } = statSync(join(root, file));
    if (size > fileBytesMax) return [`${file}: ${size} bytes; past ${fileBytesMax} it is data: fetch it, pin its hash`];
    const text = readFileSync(join(root, file), 'utf8');
    return [
      ...checkName(file),
      ...(file.endsWith('.md') ? checkLinks(root, file, text) : file === 'LICENSE' ? [] : checkText(file, text)),
      ...(isCode(file) ? checkSize(file, text) : []),
      ...(isSource(file) ? [...checkGenerated(file, text), ...checkExports(file, text)] : []),
    ];
  });
}

const isCode = (file: string): boolean => /\.(ts|mjs|cjs|js|c|h|sh)$/.test(file) && !isGenerated(file);

function checkName(file: string): readonly string[] {
  if (isGenerated(file)) return [];
  const parts = file.split('/').map((part) => part.replace(/\..*$/, ''));
  const banned = parts.find((part) => bannedNames.has(part));
  return banned === undefined ? [] : [`${file}: '${banned}' says nothing: name it for its one idea (STYLE 2)`];
}

function checkSize(file: string, text: string): readonly string[] {
  const lines = text.split('\n').length - 1;
  if (lines <= linesMax || file in longFiles) return [];
  return [`${file}: ${lines} lines; past ${linesMax}, find the second idea (or list it in hack/tidy.ts with a reason)`];
}

function checkText(file: string, text: string): readonly string[] {
  return bannedTexts.flatMap(({ pattern, why, except }) => {
    const found = except.includes(file) ? null : pattern.exec(text);
    if (found === null) return [];
    return [`${file}:${text.slice(0, found.index).split('\n').length}: '${found[0]}' ${why}`];
  });
}

function checkGenerated(file: string, text: string): readonly string[] {
  const head = text.split('\n', 3).join('\n');
  if (!/^\W*(?:generated|made) by hack\//im.test(head)) return [];
  return [`${file}: is generated, so its name must end in .gen.ts`];
}

/** A tool that silently leaves files out reports success about nothing. */
export function checkSeen(root: string, files: readonly string[]): readonly string[] {
  const lint = run(root, 'oxlint', ['--debug=files', '.']);
  const linted = new Set(lint.split('\n').map((line) => line.replace(/^\.\//, '')));
  const unlinted = files.filter((file) => isSource(file) && !linted.has(file));

  const formattable = files.filter(
    (file) => /\.(ts|mjs|cjs|js|jsonc?)$/.test(file) && !isGenerated(file) && file !== 'package-lock.json',
  );
  const format = run(root, 'biome', ['check', '.']);
  const checked = Number(/Checked (\d+) files?/.exec(format)?.[1] ?? 0);
  return [
    ...unlinted.map((file) => `${file}: the linter does not see it (.oxlintrc.json, ignorePatterns)`),
    ...(checked < formattable.length
      ? [`biome.json: biome checked ${checked} files of ${formattable.length}; see files.includes and .gitignore`]
      : []),
  ];
}

function run(root: string, tool: string, args: readonly string[]): string {
  const options = { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 } as const;
  const { stdout, stderr } = spawnSync(join(root, 'node_modules/.bin', tool), args, options);
  return `${stdout ?? ''}\n${stderr ?? ''}`;
}

function checkChangelog(root: string): readonly string[] {
  const isKept = /^## \[Unreleased\]/m.test(readFileSync(join(root, 'CHANGELOG.md'), 'utf8'));
  return isKept ? [] : ['CHANGELOG.md: has no section "## [Unreleased]"'];
}

function checkLinks(root: string, file: string, text: string): readonly string[] {
  const links = [...text.matchAll(/\]\((?!\w+:|#)([^)#\s]+)/g)].map(([, link]) => link ?? '');
  const dead = links.filter((link) => !existsSync(join(root, dirname(file), link)));
  return dead.map((link) => `${file}: links to ${link}, which does not exist`);
}

function checkScripts(root: string): readonly string[] {
  const text = readFileSync(join(root, 'package.json'), 'utf8');
  const named = [...text.matchAll(/\bhack\/[\w.-]+/g)].map(([name]) => name);
  return named
    .filter((name) => !existsSync(join(root, name)))
    .map((name) => `package.json: names ${name}, which does not exist`);
}
