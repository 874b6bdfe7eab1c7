import { ApiError } from '../../apis/index.ts';

/** The open watches of a server: bounded, and all ended at its end. */
export class Watches {
  readonly #max: number;
  readonly #open = new Set<AbortController>();
  #isClosed = false;

  constructor(max: number) {
    this.#max = max;
  }

  get count(): number {
    return this.#open.size;
  }

  /** Runs one watch. Errors: TooManyRequests, ServiceUnavailable, and its own. */
  async run(work: (abort: AbortController) => Promise<void>): Promise<void> {
    if (this.#isClosed) throw new ApiError('ServiceUnavailable', 'the server is stopping', { retryAfterSeconds: 1 });
    if (this.#open.size >= this.#max) {
      throw new ApiError('TooManyRequests', `more than ${this.#max} watches are open; try again later`, {
        retryAfterSeconds: 1,
      });
    }
    const abort = new AbortController();
    this.#open.add(abort);
    try {
      await work(abort);
    } finally {
      this.#open.delete(abort);
    }
  }

  close(): void {
    this.#isClosed = true;
    for (const abort of this.#open) abort.abort();
  }
}
