// Time as a parameter: rooms never call Date.now or setTimeout themselves (STYLE 6), so tests can turn the hands.

/** A pending timer; cancelling twice, or after it fired, does nothing. */
export interface Timer {
  cancel(): void;
}

/** Where a component gets time from. `now` is wall-clock milliseconds, `monotonicMs` never goes back. */
export interface Clock {
  now(): number;
  monotonicMs(): number;
  /** Calls `callback` once after `delayMs`; the timer does not keep the process alive by itself when `unref` is set. */
  after(delayMs: number, callback: () => void, options?: { readonly unref?: boolean }): Timer;
}

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs, callback, options) {
    const handle = setTimeout(callback, delayMs);
    if (options?.unref === true) handle.unref();
    return { cancel: () => clearTimeout(handle) };
  },
};

/** Resolves after `delayMs`, or rejects with the signal's reason as soon as it aborts. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(signal.reason);
    const timer = clock.after(delayMs, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    function onAbort(): void {
      timer.cancel();
      reject(signal?.reason);
    }
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
