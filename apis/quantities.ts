// Resource quantities (https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/), read into integers.

/** A quantity that cannot be read; the message names the text. */
export class QuantityError extends Error {
  override readonly name = 'QuantityError';
}

const binary: Readonly<Record<string, number>> = {
  Ki: 1024,
  Mi: 1024 ** 2,
  Gi: 1024 ** 3,
  Ti: 1024 ** 4,
  Pi: 1024 ** 5,
};
const decimal: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
};

/** Thousandths of a unit, rounded up, e.g. `500m` → 500, `2` → 2000. For cpu. */
export function quantityMillis(quantity: string | number): number {
  return Math.ceil(roundNoise(parse(quantity) * 1000));
}

/** Whole units, rounded up, e.g. `128Mi` → 134217728. For memory and counts. */
export function quantityUnits(quantity: string | number): number {
  return Math.ceil(roundNoise(parse(quantity)));
}

function parse(quantity: string | number): number {
  const match =
    /^([+-]?[0-9]+(?:\.[0-9]*)?|[+-]?\.[0-9]+)(?:(Ki|Mi|Gi|Ti|Pi|n|u|m|k|M|G|T|P)|[eE]([+-]?[0-9]{1,2}))?$/.exec(
      String(quantity),
    );
  const number = Number(match?.[1]);
  if (match === null || !Number.isFinite(number)) {
    throw new QuantityError(`quantity "${quantity}" must be a number with an optional suffix such as m, k, Mi or Gi`);
  }
  if (number < 0) throw new QuantityError(`quantity "${quantity}" must not be negative`);
  const suffix = match[2] ?? '';
  const value = number * (binary[suffix] ?? decimal[suffix] ?? 1) * 10 ** Number(match[3] ?? 0);
  if (value > Number.MAX_SAFE_INTEGER) throw new QuantityError(`quantity "${quantity}" is too large`);
  return value;
}

// 0.1 * 1000 is 100.00000000000001 in binary floating point: what is closer than one in 10^9 to an integer is that integer.
function roundNoise(value: number): number {
  const nearest = Math.round(value);
  return Math.abs(value - nearest) < 1e-9 * Math.max(1, Math.abs(value)) ? nearest : value;
}
