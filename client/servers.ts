/**
 * The addresses of one API and which of them is asked first. It stays with one while that answers, so that what a client
 * reads seldom changes its place; whoever finds it wanting turns all later requests to the next.
 */
export class Servers {
  readonly #all: readonly string[];
  #at = 0;

  /** At least one address. */
  constructor(all: readonly string[]) {
    this.#all = all;
  }

  get count(): number {
    return this.#all.length;
  }

  get preferred(): string {
    return this.#all[this.#at] ?? '';
  }

  /** Turns to the next address, unless somebody has turned away from `server` already. */
  avoid(server: string): void {
    if (this.preferred === server) this.#at = (this.#at + 1) % this.#all.length;
  }
}
