import type { Random } from './random.ts';

/** How waits grow between attempts: doubling from `baseMs`, never above `capMs`. */
export interface BackoffOptions {
  readonly baseMs: number;
  readonly capMs: number;
}

/**
 * How long to wait before attempt `attempt` (0 is the first repetition): anything between nothing and the doubled base
 * ("full jitter": spreads those who failed together, https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
 */
export function backoffMs(attempt: number, options: BackoffOptions, random: Random): number {
  return Math.floor(random.next() * ceilingMs(attempt, options));
}

/** The most that `backoffMs` gives for this attempt. */
export function ceilingMs(attempt: number, { baseMs, capMs }: BackoffOptions): number {
  // 2 ** 31 is past any cap; more would only risk Infinity.
  return Math.min(capMs, baseMs * 2 ** Math.min(Math.max(0, attempt), 31));
}
