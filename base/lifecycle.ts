// The ends of things: signals become an AbortSignal, and what was opened is closed in the opposite order.

import { setMaxListeners } from 'node:events';

/** The part of `process` that signals come from. */
export interface SignalSource {
  on(event: NodeJS.Signals, listener: () => void): unknown;
  off(event: NodeJS.Signals, listener: () => void): unknown;
}

/** Why a program was asked to end. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
  readonly signal: NodeJS.Signals;

  constructor(signal: NodeJS.Signals) {
    super(`ended by ${signal}`);
    this.signal = signal;
  }
}

/**
 * A signal that aborts (with Interrupted) at the first SIGINT or SIGTERM. A second one finds no handler and ends the
 * process, so that an operator can cut a slow stop short.
 */
export function abortOnSignals(
  source: SignalSource,
  names: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM'],
): { readonly signal: AbortSignal; [Symbol.dispose](): void } {
  const controller = new AbortController();
  // A whole program listens to it.
  setMaxListeners(0, controller.signal);
  const listeners = names.map((name) => {
    const listener = (): void => {
      dispose();
      controller.abort(new Interrupted(name));
    };
    source.on(name, listener);
    return { name, listener };
  });
  function dispose(): void {
    for (const { name, listener } of listeners) source.off(name, listener);
  }
  return { signal: controller.signal, [Symbol.dispose]: dispose };
}

/** Resolves when `signal` aborts. */
export function whenAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/**
 * What one owner has opened. Disposing closes all of it, last opened first, one after another; a failure to close does
 * not keep the others open, and is thrown in the end (several as an AggregateError). Disposing twice does nothing more.
 */
export class Lifetime implements AsyncDisposable {
  readonly #closers: (() => unknown)[] = [];

  /** Takes over `resource`, and gives it back for use. */
  use<R extends AsyncDisposable | Disposable>(resource: R): R {
    if (Symbol.asyncDispose in resource) this.defer(() => resource[Symbol.asyncDispose]());
    else this.defer(() => resource[Symbol.dispose]());
    return resource;
  }

  /** Calls `close` when disposed, and waits for its promise. */
  defer(close: () => unknown): void {
    this.#closers.push(close);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const causes: unknown[] = [];
    for (let close = this.#closers.pop(); close !== undefined; close = this.#closers.pop()) {
      try {
        await close();
      } catch (cause) {
        causes.push(cause);
      }
    }
    if (causes.length === 1) throw causes[0];
    if (causes.length > 1) throw new AggregateError(causes, 'several things could not be closed');
  }
}
