// Values in messages as a Go program prints them: Kubernetes' texts of custom objects come from there.
import { isRecord } from '../../json.ts';

/** Longest value in a message; what is longer is cut. */
const shownLengthMax = 400;

/** A value as Kubernetes shows it after `Invalid value: `. */
export function shownValue(value: unknown): string {
  if (value === null || value === undefined) return '"null"';
  const text = typeof value === 'string' ? JSON.stringify(value) : goSyntax(value);
  return text.length > shownLengthMax ? `${text.slice(0, shownLengthMax)}...` : text;
}

/** A number as Go's %v prints a float64. */
export function shownNumber(value: number): string {
  const size = Math.abs(value);
  if (size !== 0 && size < 1e-4) return exponent(value);
  return size >= 1e21 ? exponent(value) : String(value);
}

function exponent(value: number): string {
  return value.toExponential().replace(/e([+-])(\d)$/, 'e$10$2');
}

function goSyntax(value: unknown): string {
  if (value === null || value === undefined) return 'interface {}(nil)';
  if (typeof value === 'number') return shownNumber(value);
  if (Array.isArray(value)) return `[]interface {}{${value.map(goSyntax).join(', ')}}`;
  if (!isRecord(value)) return JSON.stringify(value);
  const fields = Object.keys(value)
    .toSorted()
    .map((key) => `${JSON.stringify(key)}:${goSyntax(value[key])}`);
  return `map[string]interface {}{${fields.join(', ')}}`;
}
