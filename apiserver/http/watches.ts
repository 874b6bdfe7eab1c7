import { ApiError } from '../../apis/index.ts';

/** A watch that counts. */
export interface OpenWatch {
  /** Ends it, from outside too. */
  readonly abort: AbortController;
  /** Counts it no more. */
  readonly close: () => void;
}

/** The open watches of a server: bounded, and all ended at its end. */
export class Watches {
  readonly #max: number;
  // By what ends each; with the herd and the definition it is of, if it is of one.
  readonly #open = new Map<AbortController, { readonly herd: string | undefined; readonly definition?: string }>();
  #isClosed = false;

  constructor(max: number) {
    this.#max = max;
  }

  get count(): number {
    return this.#open.size;
  }

  /** Runs one watch. Errors: TooManyRequests, ServiceUnavailable, and its own. */
  async run(
    herd: string | undefined,
    work: (abort: AbortController) => Promise<void>,
    definition?: string,
  ): Promise<void> {
    const { abort, close } = this.open(herd, definition);
    try {
      await work(abort);
    } finally {
      close();
    }
  }

  /** Opens one, which its owner closes. Errors: TooManyRequests, ServiceUnavailable. */
  open(herd: string | undefined, definition?: string): OpenWatch {
    if (this.#isClosed) throw new ApiError('ServiceUnavailable', 'the server is stopping', { retryAfterSeconds: 1 });
    if (this.#open.size >= this.#max) {
      throw new ApiError('TooManyRequests', `more than ${this.#max} watches are open; try again later`, {
        retryAfterSeconds: 1,
      });
    }
    const abort = new AbortController();
    this.#open.set(abort, { herd, ...(definition === undefined ? {} : { definition }) });
    return { abort, close: () => this.#open.delete(abort) };
  }

  /**
   * Ends those of a herd that goes: they follow its uid and would not see one made anew under its name. Their clients
   * resume where they were, by the name.
   */
  endOf(herd: string): void {
    for (const [abort, own] of this.#open) if (own.herd === herd) abort.abort();
  }

  /** Ends those of a user's kind whose definition, by its uid, has changed or goes: their clients come again. */
  endOfDefinition(uid: string): void {
    for (const [abort, own] of this.#open) if (own.definition === uid) abort.abort();
  }

  /** Ends those of every herd. */
  endOfAllHerds(): void {
    for (const [abort, own] of this.#open) if (own.herd !== undefined) abort.abort();
  }

  close(): void {
    this.#isClosed = true;
    for (const abort of this.#open.keys()) abort.abort();
  }
}
