// npm run bench [NAME…]: runs test/bench/NAME.bench.ts (all of them without a name) and prints a table; what is kept goes
// to docs/benchmarks.md by hand, with the machine it was measured on.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Row } from '../test/bench/row.ts';

const folder = fileURLToPath(new URL('../dist/test/bench/', import.meta.url));
const wanted = process.argv.slice(2);
const names = readdirSync(folder)
  .filter((file) => file.endsWith('.bench.js'))
  .map((file) => file.slice(0, -'.bench.js'.length))
  .filter((name) => wanted.length === 0 || wanted.includes(name));
if (names.length === 0) {
  console.error(`no bench named ${wanted.join(', ')} in test/bench`);
  process.exit(2);
}
for (const name of names) {
  const module: unknown = await import(pathToFileURL(join(folder, `${name}.bench.js`)).href);
  if (!isBench(module)) throw new Error(`test/bench/${name}.bench.ts exports no function bench`);
  console.log(`\n${name}`);
  for (const row of await module.bench()) print(row);
}

function print(row: Row): void {
  const peer = row.peer === undefined ? '' : `${number(row.peerValue)} ${row.unit} ${row.peer}`;
  const ratio = row.ratio === undefined ? '' : `${row.ratio.toFixed(2)}x`;
  console.log(
    `  ${row.name.padEnd(52)} ${number(row.value).padStart(12)} ${row.unit.padEnd(10)} ${ratio.padStart(9)}  ${peer}`,
  );
}

function number(value: number | undefined): string {
  if (value === undefined) return '-';
  return value >= 100 ? value.toFixed(0) : value.toFixed(2);
}

function isBench(module: unknown): module is { bench(): Promise<readonly Row[]> } {
  return typeof module === 'object' && module !== null && 'bench' in module && typeof module.bench === 'function';
}
