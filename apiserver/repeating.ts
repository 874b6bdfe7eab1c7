import type { Clock, Timer } from '../base/index.ts';

/** Something that goes on until it is stopped. */
export interface Repeating {
  stop(): void;
}

/** Does `work` again and again, `everyMs` after the last time ended; the first time after `everyMs`. */
export function repeat(
  clock: Clock,
  everyMs: number,
  work: () => Promise<void>,
  onFailed: (error: unknown) => void,
): Repeating {
  let isStopped = false;
  let timer: Timer = clock.after(everyMs, tick, { unref: true });
  function tick(): void {
    work()
      .catch(onFailed)
      .finally(() => {
        if (!isStopped) timer = clock.after(everyMs, tick, { unref: true });
      });
  }
  return {
    stop() {
      isStopped = true;
      timer.cancel();
    },
  };
}
