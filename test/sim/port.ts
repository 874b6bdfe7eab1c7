import type { MessagePortLike } from '../../barn/node/member.ts';
import { assert } from '../../base/index.ts';
import type { Chance } from './chance.ts';
import type { SimProcess } from './process.ts';

/** Both ends of the channel between the two sides of one life of a member: ordered, copied as between threads. */
export function portPair(
  process: SimProcess,
  chance: Chance,
): readonly [worker: MessagePortLike, main: MessagePortLike] {
  const worker = new SimPort(process, chance, 'worker');
  const main = new SimPort(process, chance, 'main');
  worker.other = main;
  main.other = worker;
  return [worker, main];
}

class SimPort implements MessagePortLike {
  other: SimPort | undefined;
  readonly #process: SimProcess;
  readonly #chance: Chance;
  readonly #name: 'worker' | 'main';
  #listener: ((message: unknown) => void) | undefined;
  #waiting: unknown[] = [];
  #lastArrivalMs = 0;
  #closed = false;

  constructor(process: SimProcess, chance: Chance, name: 'worker' | 'main') {
    this.#process = process;
    this.#chance = chance;
    this.#name = name;
  }

  post(message: unknown, transfer: readonly ArrayBuffer[] = []): void {
    if (this.#closed || !this.#process.passes(`port.${this.#name}.post.before`)) return;
    const copy: unknown = structuredClone(message, { transfer: [...transfer] });
    const { loop } = this.#process;
    this.#lastArrivalMs = Math.max(this.#lastArrivalMs, loop.nowMs + 0.01 + this.#chance.around(0.1));
    loop.schedule(
      this.#lastArrivalMs - loop.nowMs,
      `${this.#process.name} ${this.#name} posts`,
      () => this.other?.arrive(copy),
      this.#process,
    );
    this.#process.passes(`port.${this.#name}.post.after`);
  }

  onMessage(listener: (message: unknown) => void): void {
    assert(this.#listener === undefined, 'a port has one listener');
    this.#listener = listener;
    const { loop } = this.#process;
    const waiting = this.#waiting;
    this.#waiting = [];
    if (waiting.length > 0)
      loop.schedule(0, `${this.#process.name} ${this.#name} hears`, () => waiting.forEach(listener), this.#process);
  }

  close(): void {
    this.#closed = true;
  }

  /** Delivers what the other end posted. */
  arrive(message: unknown): void {
    if (this.#closed || !this.#process.passes(`port.${this.#name}.receive`)) return;
    if (this.#listener === undefined) this.#waiting.push(message);
    else this.#listener(message);
  }
}
