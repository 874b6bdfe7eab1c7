// Offsets of the structs in runi-agent/helper/request.h, the only definition of what agent and helper say to each other:
// a C program that the compiler makes from the header prints them.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const header = fileURLToPath(new URL('../runi-agent/helper/request.h', import.meta.url));

/** The text of runi-agent/helper/request.gen.ts. Throws when there is no C compiler or the header does not compile. */
export function helperOffsetsText(headerFile = header): string {
  const folder = mkdtempSync(join(tmpdir(), 'runink-offsets-'));
  try {
    const source = join(folder, 'offsets.c');
    writeFileSync(source, program(readFileSync(headerFile, 'utf8'), headerFile));
    execFileSync('cc', ['-std=c11', '-o', join(folder, 'offsets'), source], { stdio: ['ignore', 'ignore', 'inherit'] });
    return execFileSync(join(folder, 'offsets'), { encoding: 'utf8' });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function program(text: string, headerFile: string): string {
  const lines = [
    '// Made by hack/generate-helper-offsets.ts from request.h; do not edit.',
    '/** Constants of request.h, without their prefix. */',
    'export const constants = {',
    ...constantsOf(text).map((name) => `  ${camel(name.slice('RUNI_'.length).toLowerCase())}: %d,|${name}`),
    '} as const;',
    ...structsOf(text).flatMap(({ name, fields }) => [
      `/** Offsets in struct ${name}, and its size. */`,
      `export const ${camel(name.replace(/^runi_/, ''))}Offsets = {`,
      `  size: %zu,|sizeof (struct ${name})`,
      ...fields.map((field) => `  ${camel(field)}: %zu,|offsetof (struct ${name}, ${field})`),
      '} as const;',
    ]),
  ];
  const prints = lines.map((line) => {
    const [format, value] = line.split('|');
    return `  printf (${JSON.stringify(`${format}\n`)}${value === undefined ? '' : `, ${value}`});`;
  });
  return [
    '#include <stddef.h>',
    '#include <stdio.h>',
    `#include ${JSON.stringify(headerFile)}`,
    'int main (void)',
    '{',
    ...prints,
    '  return 0;',
    '}',
    '',
  ].join('\n');
}

function constantsOf(text: string): string[] {
  return [...text.matchAll(/^#define (RUNI_[A-Z_]+) \d+$/gm)].flatMap(([, name]) => name ?? []);
}

function structsOf(text: string): { name: string; fields: string[] }[] {
  return [...text.matchAll(/^struct (\w+)\n\{\n([^}]*)\};/gm)].map(([, name = '', body = '']) => ({
    name,
    fields: [...body.matchAll(/(\w+)(?:\[\w+\])*;/g)].flatMap(([, field]) => field ?? []),
  }));
}

function camel(name: string): string {
  return name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}
