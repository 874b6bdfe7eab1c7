import type { CountersStatus, Run } from '../../apis/index.ts';
import type { Timer } from '../../base/index.ts';
import { columnLines, columnWidths } from '../print/columns.ts';
import { escapeLine } from '../print/escape.ts';
import {
  count,
  progressCells,
  progressHeader,
  type StepRow,
  shortTime,
  stepLine,
  stepRows,
} from '../print/progress.ts';
import type { Terminal } from '../terminal.ts';

/** Where a run is shown: a table that is drawn anew on a terminal, lines elsewhere. */
export interface RunView {
  show(run: Run): void;
  count(step: string, attempt: number, counters: CountersStatus): void;
  /** The last picture, and how it ended. */
  end(run: Run): Promise<void>;
  /** Leaves the terminal as it was; harmless when repeated. */
  close(): void;
}

const drawMsMin = 100;
/** While nothing changes, times still do. */
const idleDrawMs = 1000;

/** A view for the run; `isPlain` asks for lines on a terminal too. */
export function openView(terminal: Terminal, name: string, isPlain: boolean): RunView {
  return terminal.isInteractive && !isPlain ? new LiveView(terminal, name) : new PlainView(terminal, name);
}

/** A line for each state that a step comes into. */
class PlainView implements RunView {
  readonly #terminal: Terminal;
  readonly #name: string;
  readonly #told = new Map<string, string>();
  readonly #live = new Map<string, { attempt: number; counters: CountersStatus }>();
  #queue = Promise.resolve();

  constructor(terminal: Terminal, name: string) {
    this.#terminal = terminal;
    this.#name = name;
  }

  show(run: Run): void {
    const now = this.#terminal.clock.now();
    for (const row of stepRows(run, this.#live, now)) {
      const state = `${row.state} ${row.note}`;
      if (row.state === 'Waiting' || this.#told.get(row.step) === state) continue;
      this.#told.set(row.step, state);
      this.#print(`${new Date(now).toISOString()}  ${stepLine(row)}`);
    }
  }

  count(step: string, attempt: number, counters: CountersStatus): void {
    this.#live.set(step, { attempt, counters });
  }

  async end(run: Run): Promise<void> {
    for (const line of verdict(run, this.#name)) this.#print(line);
    await this.#queue;
  }

  close(): void {}

  #print(line: string): void {
    this.#queue = this.#queue.then(() => this.#terminal.out(`${escapeLine(line)}\n`));
  }
}

/** A table at the bottom of the terminal. */
class LiveView implements RunView {
  readonly #terminal: Terminal;
  readonly #name: string;
  readonly #live = new Map<string, { attempt: number; counters: CountersStatus }>();
  #run: Run | undefined;
  #drawnLines = 0;
  // Columns only grow: a table that trembles cannot be read.
  #widths: readonly number[] = [];
  #drawnMs = Number.NEGATIVE_INFINITY;
  #timer: Timer | undefined;
  #isClosed = false;

  constructor(terminal: Terminal, name: string) {
    this.#terminal = terminal;
    this.#name = name;
    void terminal.out('\u001b[?25l');
  }

  show(run: Run): void {
    this.#run = run;
    this.#schedule(drawMsMin);
  }

  count(step: string, attempt: number, counters: CountersStatus): void {
    this.#live.set(step, { attempt, counters });
    this.#schedule(drawMsMin);
  }

  async end(run: Run): Promise<void> {
    this.#run = run;
    this.#draw();
    this.close();
    await this.#terminal.out(`${verdict(run, this.#name).map(escapeLine).join('\n')}\n`);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#timer?.cancel();
    void this.#terminal.out('\u001b[?25h');
  }

  // At most one drawing per drawMsMin, and the last change is always drawn.
  #schedule(delayMs: number): void {
    if (this.#isClosed) return;
    this.#timer?.cancel();
    const sinceMs = this.#terminal.clock.monotonicMs() - this.#drawnMs;
    this.#timer = this.#terminal.clock.after(Math.max(0, delayMs - sinceMs), () => {
      this.#draw();
      this.#schedule(idleDrawMs);
    });
  }

  #draw(): void {
    if (this.#run === undefined) return;
    const rows = stepRows(this.#run, this.#live, this.#terminal.clock.now());
    const cells = [progressHeader, ...rows.map(progressCells)];
    this.#widths = columnWidths(cells).map((width, index) => Math.max(width, this.#widths[index] ?? 0));
    const lines = tableLines(rows, columnLines(cells, this.#widths), this.#terminal);
    const up = this.#drawnLines > 0 ? `\u001b[${this.#drawnLines}F` : '';
    void this.#terminal.out(`${up}${lines.map((line) => `\u001b[2K${line}\n`).join('')}\u001b[J`);
    this.#drawnLines = lines.length;
    this.#drawnMs = this.#terminal.clock.monotonicMs();
  }
}

const colours: Readonly<Record<string, string>> = {
  Succeeded: '32',
  Running: '36',
  Failed: '31',
  Lost: '31',
  Cancelled: '33',
};

function tableLines(rows: readonly StepRow[], lines: readonly string[], terminal: Terminal): string[] {
  // The terminal's own wrapping would spoil the count of lines.
  const width = terminal.columns() - 1;
  return lines.map((line, index) => paint(line.slice(0, width), rows[index - 1], terminal.hasColour));
}

function paint(line: string, row: StepRow | undefined, hasColour: boolean): string {
  const colour = row === undefined ? '1' : colours[row.state];
  return hasColour && colour !== undefined ? `\u001b[${colour}m${line}\u001b[0m` : line;
}

function verdict(run: Run, name: string): string[] {
  const { phase = 'ended', reason, message, startTime, completionTime, recordsRejected } = run.status ?? {};
  const tookMs =
    startTime !== undefined && completionTime !== undefined
      ? Date.parse(completionTime) - Date.parse(startTime)
      : undefined;
  const parts = [
    `run ${name} ${phase.toLowerCase()}`,
    tookMs === undefined ? '' : ` in ${shortTime(tookMs)}`,
    recordsRejected === undefined || recordsRejected === 0 ? '' : `, ${count(recordsRejected)} records rejected`,
  ];
  if (phase === 'Succeeded') return [parts.join('')];
  const why = [reason, message].filter((text) => text !== undefined && text !== '').join(': ');
  return [
    `${parts.join('')}${why === '' ? '' : `: ${why}`}`,
    `Look with: runictl describe run ${name}; runictl logs ${name}`,
  ];
}
