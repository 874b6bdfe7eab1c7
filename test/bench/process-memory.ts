import { readFileSync } from 'node:fs';

/** Kilobytes of memory that a process has for itself and its share of what others have too (PSS). */
export function pssKilobytes(pid: number): number {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  return Number(/^Pss:\s+(\d+) kB/m.exec(text)?.[1] ?? Number.NaN);
}
