// Durations as Go writes them (1h30m, 300ms).

const nanosOf: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1_000n,
  µs: 1_000n,
  μs: 1_000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
};

/** The nanoseconds of a duration, or undefined when the text is none. */
export function durationNanos(text: string): bigint | undefined {
  const found = /^([+-]?)(.*)$/s.exec(text);
  const rest = found?.[2] ?? '';
  if (rest === '0') return 0n;
  if (!/^(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/.test(rest)) return undefined;
  let nanos = 0n;
  for (const [, whole = '', fraction = '', unit = ''] of rest.matchAll(/(\d*)\.?(\d*)(ns|us|µs|μs|ms|s|m|h)/g)) {
    const size = nanosOf[unit] ?? 0n;
    nanos += BigInt(whole === '' ? '0' : whole) * size;
    const digits = fraction.slice(0, 15);
    if (digits !== '') nanos += (BigInt(digits) * size) / 10n ** BigInt(digits.length);
  }
  return found?.[1] === '-' ? -nanos : nanos;
}
