import type { Watcher } from './watcher.ts';

/** So many watchers are written to before others have their turn. */
const watchersPerTurn = 200;

/** Writes what waits for watchers, a few at a time: one event to thousands must not hold up everybody else. */
export class Pump {
  readonly #nextTurn: (work: () => void) => void;
  #queue: Watcher[] = [];
  #isDue = false;

  constructor(nextTurn: (work: () => void) => void) {
    this.#nextTurn = nextTurn;
  }

  add(watcher: Watcher): void {
    if (watcher.isQueued) return;
    watcher.isQueued = true;
    this.#queue.push(watcher);
    if (this.#isDue) return;
    this.#isDue = true;
    // Not at once: what else the same change brings goes out together.
    queueMicrotask(() => this.#run());
  }

  #run(): void {
    const now = this.#queue.splice(0, watchersPerTurn);
    for (const watcher of now) watcher.flush();
    this.#isDue = this.#queue.length > 0;
    if (this.#isDue) this.#nextTurn(() => this.#run());
  }
}
