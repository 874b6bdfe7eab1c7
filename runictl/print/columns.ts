import { escapeLine } from './escape.ts';

const gap = 3;

/** Rows in columns as kubectl prints them: three spaces between, nothing after the last, no trailing space. */
export function columnLines(rows: readonly (readonly string[])[], widths?: readonly number[]): string[] {
  const shown = rows.map((row) => row.map(escapeLine));
  const fixed = widths ?? columnWidths(rows);
  return shown.map((row) =>
    row
      .map((cell, index) => (index === row.length - 1 ? cell : cell.padEnd((fixed[index] ?? 0) + gap)))
      .join('')
      .trimEnd(),
  );
}

/** The width of each column over all rows. */
export function columnWidths(rows: readonly (readonly string[])[]): number[] {
  const widths: number[] = [];
  for (const row of rows)
    for (const [index, cell] of row.entries()) widths[index] = Math.max(widths[index] ?? 0, escapeLine(cell).length);
  return widths;
}
