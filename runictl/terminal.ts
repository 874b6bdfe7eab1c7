import type { Clock, Random } from '../base/index.ts';

/** What a verb sees of the outside: two streams, an environment, time. Tests give their own. */
export interface Terminal {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** A person reads stdout, not a program. */
  readonly isInteractive: boolean;
  /** Colours are wanted: interactive and no NO_COLOR. */
  readonly hasColour: boolean;
  readonly columns: () => number;
  /** Resolves when the stream can take more. */
  out(text: string | Uint8Array): Promise<void>;
  err(text: string): void;
  readStdin(): Promise<string>;
  /** Aborts when the user interrupts. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly random: Random;
}

/** Prints a line to stdout. */
export async function printLine(terminal: Terminal, line: string): Promise<void> {
  await terminal.out(`${line}\n`);
}
