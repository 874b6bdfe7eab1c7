// Quantities in rules, exact to a billionth.

/** A quantity as rules see it. */
export class Quantity {
  readonly #nanos: bigint;
  constructor(nanos: bigint) {
    this.#nanos = nanos;
  }
  /** The amount in billionths. */
  static nanosOf(quantity: Quantity): bigint {
    return quantity.#nanos;
  }
}

/** The amount of a quantity in billionths. */
export function quantityNanos(quantity: Quantity): bigint {
  return Quantity.nanosOf(quantity);
}

const form = /^([+-]?)(\d*)(?:\.(\d*))?([a-zA-Z]*|[eE][+-]?\d{1,3})$/;
const digitsMax = 40;
const binary: Readonly<Record<string, bigint>> = {
  Ki: 2n ** 10n,
  Mi: 2n ** 20n,
  Gi: 2n ** 30n,
  Ti: 2n ** 40n,
  Pi: 2n ** 50n,
  Ei: 2n ** 60n,
};
const decimal: Readonly<Record<string, number>> = { n: -9, u: -6, m: -3, '': 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 };

/** The billionths of a quantity's text, rounded away from zero; undefined when it is none. */
export function parseQuantity(text: string): bigint | undefined {
  const found = form.exec(text);
  if (found === null) return undefined;
  const [, sign = '', whole = '', fraction = '', suffix = ''] = found;
  const digits = whole + fraction;
  if (digits === '' || digits.length > digitsMax) return undefined;
  const scaled = scaledOf(suffix, BigInt(digits), fraction.length);
  if (scaled === undefined) return undefined;
  return sign === '-' ? -scaled : scaled;
}

function scaledOf(suffix: string, digits: bigint, fractionLength: number): bigint | undefined {
  const factor = Object.hasOwn(binary, suffix) ? binary[suffix] : undefined;
  if (factor !== undefined) return shifted(digits * factor, 9 - fractionLength);
  const power = Object.hasOwn(decimal, suffix) ? decimal[suffix] : exponentOf(suffix);
  return power === undefined ? undefined : shifted(digits, 9 - fractionLength + power);
}

function exponentOf(suffix: string): number | undefined {
  return /^[eE][+-]?\d{1,3}$/.test(suffix) ? Number(suffix.slice(1)) : undefined;
}

function shifted(value: bigint, places: number): bigint {
  if (places >= 0) return value * 10n ** BigInt(places);
  const divisor = 10n ** BigInt(-places);
  return (value + divisor - 1n) / divisor;
}
