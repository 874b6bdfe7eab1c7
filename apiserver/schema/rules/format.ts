// `text.format(list)` of rules: the verbs of Kubernetes' CEL.

const pattern = /%(%|(?:\.(\d{1,2}))?([sdfebxXo]))/g;

/** A text with values in the place of its verbs. Throws an Error for a verb that does not fit. */
export function formatted(text: string, values: readonly unknown[]): string {
  let next = 0;
  return text.replaceAll(pattern, (whole, verb: string, digits: string | undefined, letter: string | undefined) => {
    if (verb === '%') return '%';
    if (next >= values.length) throw new Error(`index ${next} out of range`);
    return shown(values[next++], letter ?? 's', digits, whole);
  });
}

function shown(value: unknown, letter: string, digits: string | undefined, verb: string): string {
  const isInteger = typeof value === 'bigint';
  switch (letter) {
    case 's':
      return plain(value);
    case 'd':
      if (isInteger || typeof value === 'number') return String(value);
      break;
    case 'f':
      if (typeof value === 'number' || isInteger) return Number(value).toFixed(Number(digits ?? 6));
      break;
    case 'e':
      if (typeof value === 'number' || isInteger) return Number(value).toExponential(Number(digits ?? 6));
      break;
    case 'b':
      if (isInteger) return value.toString(2);
      if (typeof value === 'boolean') return value ? '1' : '0';
      break;
    case 'o':
      if (isInteger) return value.toString(8);
      break;
    default: {
      const hex = isInteger ? value.toString(16) : typeof value === 'string' ? Buffer.from(value).toString('hex') : '';
      if (hex !== '') return letter === 'X' ? hex.toUpperCase() : hex;
    }
  }
  throw new Error(`the value does not fit the verb ${verb}`);
}

function plain(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value instanceof Date) return value.toISOString().replace(/\.?0*Z$/, 'Z');
  if (Array.isArray(value)) return `[${value.map(plain).join(', ')}]`;
  if (value instanceof Map) {
    const fields = [...value].map(([key, item]) => `${plain(key)}: ${plain(item)}`);
    return `{${fields.toSorted().join(', ')}}`;
  }
  if (typeof value === 'bigint' || typeof value === 'number' || typeof value === 'boolean') return `${value}`;
  return value === null ? 'null' : Object.prototype.toString.call(value);
}
