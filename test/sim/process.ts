import type { Clock, Random } from '../../base/index.ts';
import type { EventOwner, SimLoop } from './loop.ts';

const stages = <Of extends string, Name extends string>(of: Of, ...names: readonly Name[]) =>
  names.map((name) => `${of}.${name}` as const);
const around = <Of extends string>(of: Of) => stages(of, 'before', 'middle', 'after');

/** Every point there is: a twin can name no other, and a test wants each to be met. */
export const crashPoints = [
  ...(['list', 'read', 'size', 'close'] as const).flatMap((what) => stages(`wal.${what}`, 'before', 'middle')),
  ...(['open', 'write', 'rename', 'remove'] as const).flatMap((what) => around(`wal.${what}`)),
  'wal.write.unended',
  ...(['get', 'pages', 'reclaim', 'close'] as const).flatMap((what) => stages(`state.${what}`, 'before', 'middle')),
  ...(['write', 'sync', 'clear'] as const).flatMap((what) => around(`state.${what}`)),
  ...(['worker', 'main'] as const).flatMap((side) => stages(`port.${side}`, 'post.before', 'post.after', 'receive')),
  ...stages('net', 'send', 'flush.before', 'flush.after', 'receive'),
  ...around('net.snapshot'),
] as const;

/** A place where a member can die: before, in the middle of and after what a twin does for it. */
export type CrashPoint = (typeof crashPoints)[number];

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
