import type { Clock, Random } from '../../base/index.ts';
import type { EventOwner, SimLoop } from './loop.ts';

/** A place where a member can die; each twin names its own, before, in the middle of and after what it does. */
export type CrashPoint = string;

const stages = (of: string, ...names: readonly string[]): readonly CrashPoint[] => names.map((name) => `${of}.${name}`);
const around = (of: string): readonly CrashPoint[] => stages(of, 'before', 'middle', 'after');

/** Every point there is. */
export const crashPoints: readonly CrashPoint[] = [
  ...['list', 'read', 'size', 'close'].flatMap((what) => stages(`wal.${what}`, 'before', 'middle')),
  ...['open', 'write', 'rename', 'remove'].flatMap((what) => around(`wal.${what}`)),
  ...['get', 'pages', 'reclaim', 'close'].flatMap((what) => stages(`state.${what}`, 'before', 'middle')),
  ...['write', 'sync', 'clear'].flatMap((what) => around(`state.${what}`)),
  ...['worker', 'main'].flatMap((side) => stages(`port.${side}`, 'post.before', 'post.after', 'receive')),
  ...stages('net', 'send', 'flush.before', 'flush.after', 'receive'),
  ...around('net.snapshot'),
];

/** How a member's clock is wrong. */
export interface ClockFault {
  /** Its milliseconds per true one. */
  readonly rate: number;
  readonly offsetMs: number;
}

/**
 * One life of a member: from start to crash. Whatever a twin does for it goes through here, so that a dead one has no effect:
 * its promises never resolve, its timers never fire, what it says is not heard.
 */
export class SimProcess implements EventOwner {
  readonly name: string;
  readonly loop: SimLoop;
  readonly random: Random;
  readonly clock: Clock;
  stoppedUntilMs = 0;
  #alive = true;
  #armed: { readonly point: CrashPoint; left: number } | undefined;
  readonly #deathListeners: ((why: string) => void)[] = [];
  readonly #onDeathAt: (point: CrashPoint) => void;

  constructor(options: {
    readonly name: string;
    readonly loop: SimLoop;
    readonly random: Random;
    readonly clockFault: ClockFault;
    /** Told when it dies at a point, so that a run can say at which. */
    readonly onDeathAt: (point: CrashPoint) => void;
  }) {
    this.name = options.name;
    this.loop = options.loop;
    this.random = options.random;
    this.clock = clockOf(this, options.clockFault);
    this.#onDeathAt = options.onDeathAt;
  }

  get alive(): boolean {
    return this.#alive;
  }

  /** It dies the `left`-th time it comes to `point` from now on. */
  arm(point: CrashPoint, left: number): void {
    this.#armed = { point, left };
  }

  /** It dies at no point any more. */
  disarm(): void {
    this.#armed = undefined;
  }

  /** Passes a point; false: it died there (or before), and what should follow must not happen. */
  passes(point: CrashPoint): boolean {
    if (!this.#alive) return false;
    const armed = this.#armed;
    if (armed?.point === point && --armed.left <= 0) {
      this.#onDeathAt(point);
      this.die(`at ${point}`);
    }
    return this.#alive;
  }

  /** Ends this life at once. */
  die(why: string): void {
    if (!this.#alive) return;
    this.#alive = false;
    for (const listener of this.#deathListeners) listener(why);
  }

  onDeath(listener: (why: string) => void): void {
    this.#deathListeners.push(listener);
  }
}

/** What the dead wait for. */
export function never<T>(): Promise<T> {
  return new Promise(() => {});
}

const epochMs = 1_700_000_000_000;

function clockOf(process: SimProcess, { rate, offsetMs }: ClockFault): Clock {
  const { loop } = process;
  return {
    now: () => Math.floor(epochMs + offsetMs + loop.nowMs * rate),
    monotonicMs: () => loop.nowMs * rate,
    after: (delayMs, callback) =>
      loop.schedule(Math.max(0, delayMs) / rate, `${process.name} timer`, () => process.alive && callback(), process),
  };
}
