// Tells what a run did: where its steps ran, the first rows of its result, its dead letters by reason.
import { createReadStream, existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Run } from '../apis/index.ts';

/** A run that the quickstart made. */
export type QuickRun = Run;

interface Letter {
  readonly step: string;
  readonly code: string;
  readonly path: string;
  readonly reason: string;
  readonly original: string;
}

const rowsShown = 5;
const exampleLengthMax = 100;

/** Prints the report of one run. */
export async function printReport(run: Run, output: string, letters: string): Promise<void> {
  console.log(`\n── ${run.metadata.namespace ?? ''}/${run.metadata.name ?? ''}: what ran where`);
  const rows = run.spec.plan.steps.map(({ name, use, runtime, bundle }) => {
    const status = run.status?.steps?.find((step) => step.name === name);
    const { recordsIn, recordsOut, recordsRejected } = status?.counters ?? {};
    return [
      name,
      bundle === undefined ? use : `${use} ${bundle}`,
      runtime,
      status?.slice ?? '',
      status?.node ?? '',
      ...[recordsIn, recordsOut, recordsRejected].map((count) => count?.toLocaleString('en-US') ?? '–'),
    ];
  });
  printColumns([['STEP', 'DOES', 'RUNTIME', 'SLICE', 'NODE', 'IN', 'OUT', 'REJECTED'], ...rows]);
  console.log(`\nFirst rows of ${output}`);
  for (const line of await firstLines(output)) console.log(`  ${line}`);
  await printLetters(letters);
}

async function printLetters(file: string): Promise<void> {
  const reasons = new Map<string, { count: number; readonly first: Letter }>();
  let total = 0;
  if (existsSync(file))
    for await (const line of createInterface({ input: createReadStream(file) })) {
      // The reader of the system's own envelopes.
      const letter = JSON.parse(line) as Letter;
      const key = `${letter.step} ${letter.code} ${letter.path}`;
      const known = reasons.get(key);
      if (known === undefined) reasons.set(key, { count: 1, first: letter });
      else known.count++;
      total++;
    }
  console.log(`\n${total} dead letters in ${file}`);
  for (const { count, first } of [...reasons.values()].sort((a, b) => b.count - a.count)) {
    console.log(`  ${String(count).padStart(4)} × ${first.code} ${first.path}  (step ${first.step})`);
    console.log(`         e.g. ${first.reason}: ${shorten(first.original)}`);
  }
}

async function firstLines(file: string): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of createInterface({ input: createReadStream(file) })) {
    lines.push(line);
    if (lines.length === rowsShown) break;
  }
  return lines;
}

function printColumns(rows: readonly (readonly string[])[]): void {
  const widths = (rows[0] ?? []).map((_, index) => Math.max(...rows.map((row) => row[index]?.length ?? 0)));
  for (const row of rows)
    console.log(`  ${row.map((cell, index) => cell.padEnd(widths[index] ?? 0)).join('  ')}`.trimEnd());
}

function shorten(text: string): string {
  return text.length > exampleLengthMax ? `${text.slice(0, exampleLengthMax)}…` : text;
}
