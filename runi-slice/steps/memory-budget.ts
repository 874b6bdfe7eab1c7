import { SliceError } from '../slice-error.ts';

/** The share of a slice's memory that a step's table may take: the rest is the runtime, buffers, and garbage not yet collected. */
const tableShare = 0.25;

/** Counts what a table holds, and fails the step in clear words before the kernel would kill it. */
export class MemoryBudget {
  readonly #bytesMax: number;
  readonly #what: string;
  #bytes = 0;

  constructor(memoryBytesMax: number, what: string) {
    this.#bytesMax = Math.floor(memoryBytesMax * tableShare);
    this.#what = what;
  }

  /** Adds an entry of about that many bytes. */
  add(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes > this.#bytesMax)
      throw new SliceError(
        'MemoryExceeded',
        `${this.#what} needs more than ${mebibytes(this.#bytesMax)} MiB, a quarter of the step's memory; raise resources.memory`,
      );
  }
}

/** What an entry of a Map costs beside its texts. */
export const entryBytes = 100;

function mebibytes(bytes: number): number {
  return Math.round(bytes / 1024 / 1024);
}
