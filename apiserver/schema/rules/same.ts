// When two values in a rule are the same.
import { Duration } from '@marcbachmann/cel-js/evaluator';
import { canonical } from '../custom/canonical.ts';
import { Message } from './cel-types.ts';
import { Quantity, quantityNanos } from './quantity.ts';

/** A CEL value as a text that equal values share. */
export function idOf(value: unknown): string {
  return canonical(plainOf(value));
}

function plainOf(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (value instanceof Message) return Message.rawOf(value);
  if (value instanceof Duration) return `${value.seconds}s${value.nanos}`;
  if (value instanceof Date) return value.getTime();
  if (value instanceof Quantity) return quantityNanos(value).toString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, item]) => [String(key), plainOf(item)]));
  return Array.isArray(value) ? value.map(plainOf) : value;
}
