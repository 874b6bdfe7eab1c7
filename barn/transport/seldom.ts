import type { Clock } from '../../base/index.ts';

const repeatMs = 60_000;
/** Beyond so many different texts of late, all are as good as the same. */
const textsMax = 32;

/** Keeps a log readable: the same text is due once a minute. */
export class Seldom {
  readonly #clock: Clock;
  readonly #lastMs = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether `text` should be logged now. */
  isDue(text: string): boolean {
    const nowMs = this.#clock.monotonicMs();
    for (const [old, atMs] of this.#lastMs) if (nowMs - atMs >= repeatMs) this.#lastMs.delete(old);
    if (this.#lastMs.has(text) || this.#lastMs.size >= textsMax) return false;
    this.#lastMs.set(text, nowMs);
    return true;
  }

  /** Whatever comes next is news. */
  clear(): void {
    this.#lastMs.clear();
  }
}
