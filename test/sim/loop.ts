// Virtual time. Everything that happens in a simulated cluster is an event of this one queue; between two events all promises
// run until none has anything left to do. Nothing waits for real time, so equal seeds give equal runs, event by event.
import { assert, type Timer } from '../../base/index.ts';

/** Who an event belongs to: it does not happen when its owner is dead, and waits while the owner stands still. */
export interface EventOwner {
  readonly alive: boolean;
  /** Virtual milliseconds until which the owner does nothing; its events wait so long. */
  readonly stoppedUntilMs: number;
}

interface SimEvent {
  atMs: number;
  readonly sequence: number;
  readonly what: string;
  readonly owner: EventOwner | undefined;
  /** Undefined once it was cancelled. */
  run: (() => void) | undefined;
}

// Taken before `guardRealWorld` puts its own in their place.
const { setImmediate: turn } = globalThis;

/** The queue of one run. */
export class SimLoop {
  #nowMs = 0;
  #steps = 0;
  #sequence = 0;
  readonly #heap: SimEvent[] = [];
  /** Called after each event, when all promises have run: this is where invariants are checked. */
  afterStep: (what: string) => void = () => {};

  /** Called with what an event threw: in the product the process would end of it. */
  onError: (error: unknown, what: string) => void = (error) => {
    throw error;
  };

  /** Virtual milliseconds since the run began. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** Events so far: with the seed it names a moment of the run. */
  get steps(): number {
    return this.#steps;
  }

  /** Lets `run` happen in `delayMs`, after all that is due before; `what` says in a trace what it is. */
  schedule(delayMs: number, what: string, run: () => void, owner?: EventOwner): Timer {
    assert(delayMs >= 0, `an event is not in the past: ${what} in ${delayMs} ms`);
    const event: SimEvent = { atMs: this.#nowMs + delayMs, sequence: this.#sequence++, what, owner, run };
    this.#push(event);
    return { cancel: () => void (event.run = undefined) };
  }

  /** Resolves in `delayMs`; never when the owner is dead by then. */
  delay(delayMs: number, what: string, owner?: EventOwner): Promise<void> {
    return new Promise((resolve) => void this.schedule(delayMs, what, resolve, owner));
  }

  /** Runs events until `isDone` says so after one of them, or none is left, or virtual time reaches `untilMs`. */
  async runUntil(untilMs: number, isDone: () => boolean = () => false): Promise<void> {
    await settled();
    while (!isDone()) {
      const event = this.#heap[0];
      if (event === undefined || event.atMs > untilMs) break;
      this.#pop();
      if (event.run === undefined || event.owner?.alive === false) continue;
      this.#nowMs = Math.max(this.#nowMs, event.atMs);
      const stoppedUntilMs = event.owner?.stoppedUntilMs ?? 0;
      if (stoppedUntilMs > this.#nowMs) {
        event.atMs = stoppedUntilMs;
        this.#push(event);
        continue;
      }
      this.#steps++;
      try {
        event.run();
      } catch (error) {
        this.onError(error, event.what);
      }
      await settled();
      this.afterStep(event.what);
    }
    if (!isDone() && untilMs < Number.POSITIVE_INFINITY) this.#nowMs = Math.max(this.#nowMs, untilMs);
  }

  #push(event: SimEvent): void {
    const heap = this.#heap;
    let at = heap.push(event) - 1;
    while (at > 0) {
      const up = (at - 1) >> 1;
      const parent = heap[up];
      if (parent === undefined || isBefore(parent, event)) break;
      heap[at] = parent;
      at = up;
    }
    heap[at] = event;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      let down = 2 * at + 1;
      let child = heap[down];
      if (child === undefined) break;
      const right = heap[down + 1];
      if (right !== undefined && isBefore(right, child)) {
        child = right;
        down++;
      }
      if (isBefore(last, child)) break;
      heap[at] = child;
      at = down;
    }
    heap[at] = last;
  }
}

/** Resolves when no promise has anything left to do: the loop turns only when all microtasks have run. */
export function settled(): Promise<void> {
  return new Promise((resolve) => void turn(resolve));
}

function isBefore(a: SimEvent, b: SimEvent): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.sequence < b.sequence);
}
