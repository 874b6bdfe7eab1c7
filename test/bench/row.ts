/** One line of `npm run bench`: what was measured, beside its control or peer of the same run. */
export interface Row {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** What stands beside it. */
  readonly peer?: string;
  readonly peerValue?: number;
  /** value ÷ peerValue. */
  readonly ratio?: number;
}

/** A row with its ratio. */
export function beside(name: string, value: number, unit: string, peer: string, peerValue: number): Row {
  return { name, value, unit, peer, peerValue, ratio: value / peerValue };
}

/** The middle one of some numbers. */
export function median(numbers: readonly number[]): number {
  return quantile(numbers, 0.5);
}

/** The number below which `share` of them lie. */
export function quantile(numbers: readonly number[], share: number): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** Milliseconds that `work` took. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}
