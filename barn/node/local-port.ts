import type { MessagePortLike } from './member.ts';

/**
 * Both ends of a channel within one thread: ordered, each message delivered by a call of `later` of its own (setImmediate, or
 * the loop of a simulation). Nothing is copied: who posts must not touch it again.
 */
export function localPorts(later: (callback: () => void) => void): readonly [MessagePortLike, MessagePortLike] {
  const one = new LocalPort(later);
  const other = new LocalPort(later);
  one.other = other;
  other.other = one;
  return [one, other];
}

class LocalPort implements MessagePortLike {
  other: LocalPort | undefined;
  readonly #later: (callback: () => void) => void;
  #listener: ((message: unknown) => void) | undefined;
  #early: unknown[] = [];
  #isClosed = false;

  constructor(later: (callback: () => void) => void) {
    this.#later = later;
  }

  post(message: unknown): void {
    const { other } = this;
    if (this.#isClosed || other === undefined) return;
    this.#later(() => other.#hear(message));
  }

  onMessage(listener: (message: unknown) => void): void {
    this.#listener = listener;
    const early = this.#early;
    this.#early = [];
    for (const message of early) this.#later(() => this.#hear(message));
  }

  close(): void {
    this.#isClosed = true;
  }

  #hear(message: unknown): void {
    if (this.#isClosed) return;
    if (this.#listener === undefined) this.#early.push(message);
    else this.#listener(message);
  }
}
