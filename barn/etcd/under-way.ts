import { BarnError } from '../barn.ts';
import type { BarnLimits } from '../limits.ts';

/** What was asked of etcd and is not answered yet: bounded (Overloaded), and waited for before closing. */
export class UnderWay {
  readonly #limits: BarnLimits;
  readonly #calls = new Set<Promise<unknown>>();
  #bytes = 0;

  constructor(limits: BarnLimits) {
    this.#limits = limits;
  }

  /** Runs `work`, which sends `bytes`. Errors: Overloaded. */
  async run<T>(bytes: number, work: () => Promise<T>): Promise<T> {
    const { waitingTxnsMax, waitingBytesMax } = this.#limits;
    if (this.#calls.size >= waitingTxnsMax || this.#bytes + bytes > waitingBytesMax)
      throw new BarnError(
        'Overloaded',
        `${this.#calls.size} calls of ${this.#bytes} bytes wait for etcd: try again later`,
      );
    this.#bytes += bytes;
    const call = work();
    this.#calls.add(call);
    try {
      return await call;
    } finally {
      this.#bytes -= bytes;
      this.#calls.delete(call);
    }
  }

  /** Resolves once all that was asked for before is answered, well or badly. */
  async over(): Promise<void> {
    await Promise.allSettled(this.#calls);
  }
}
