import { BarnError, type BarnReason } from '../barn.ts';
import type { ConsensusCounts } from './counts.ts';
import type { Outbox } from './outbox.ts';
import type { Answer, Ask } from './port.ts';

interface Asked {
  readonly resolve: (counts: ConsensusCounts | undefined) => void;
  readonly reject: (error: BarnError) => void;
  readonly untilMs: number;
}

/** Rare questions to the consensus side, each answered once or given up at its time. */
export class Asks {
  readonly #outbox: Outbox;
  readonly #asked = new Map<number, Asked>();
  #count = 0;

  constructor(outbox: Outbox) {
    this.#outbox = outbox;
  }

  /** Resolves when it was done; counts come with an answer to `counts`. Errors: as answered; Unknown at `untilMs`. */
  ask(ask: Ask, untilMs: number): Promise<ConsensusCounts | undefined> {
    const id = ++this.#count;
    this.#outbox.ask(id, ask);
    return new Promise((resolve, reject) => this.#asked.set(id, { resolve, reject, untilMs }));
  }

  answered(answer: Answer): void {
    const asked = this.#asked.get(answer.id);
    this.#asked.delete(answer.id);
    if (answer.done) asked?.resolve(answer.counts);
    else asked?.reject(new BarnError(answer.reason, answer.message));
  }

  expire(nowMs: number): void {
    for (const [id, { reject, untilMs }] of this.#asked) {
      if (untilMs > nowMs) continue;
      this.#asked.delete(id);
      reject(new BarnError('Unknown', 'there was no answer in time: what was asked for may or may not happen'));
    }
  }

  end(reason: BarnReason, message: string): void {
    for (const { reject } of this.#asked.values()) reject(new BarnError(reason, message));
    this.#asked.clear();
  }
}
