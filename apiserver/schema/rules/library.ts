// What Kubernetes' CEL has beyond the standard (https://kubernetes.io/docs/reference/using-api/cel/#cel-libraries), as far
// as the library lacks it. What is not here is unknown to the type check, so that a rule which uses it is refused.
import type { Environment } from '@marcbachmann/cel-js';
import { Duration } from '@marcbachmann/cel-js/evaluator';
import { compilePattern, type Pattern } from '../../../lang/expressions/index.ts';
import { canonical } from '../custom/canonical.ts';
import { formatCheck } from '../custom/formats.ts';
import { Message } from './cel-types.ts';
import { formatted } from './format.ts';
import { parseQuantity, Quantity, quantityNanos } from './quantity.ts';

/** A function of the library failed on its arguments; the rule then fails with these words. */
export class RuleError extends Error {
  override readonly name = 'RuleError';
}

/** What `x.matches(pattern)` is renamed to: the library's own backtracks. */
export const linearMatches = 'matchesLinear';

/** Who is told what matching a pattern costs: whoever evaluates at the moment. Evaluation is never interleaved. */
export const matching: { spend: (cost: number) => void } = { spend: () => {} };
/** Work of the pattern engine, its instructions times letters, that costs as much as one node of a rule. */
const patternWorkOfCost = 32;

const sync = { async: false };
const patternsKeptMax = 256;
const timestamp = 'google.protobuf.Timestamp';
const duration = 'google.protobuf.Duration';
const orderedTypes = ['int', 'double', 'string', 'bool', timestamp, duration] as const;

/** Adds the functions to an environment that has nothing of them. */
export function registerLibrary(environment: Environment): void {
  registerTexts(environment);
  registerLists(environment);
  registerSets(environment);
  registerQuantities(environment);
  registerAddresses(environment);
}

function registerTexts(environment: Environment): void {
  const patterns = new Map<string, Pattern>();
  const patternOf = (source: string): Pattern => {
    let pattern = patterns.get(source);
    if (pattern === undefined) {
      if (patterns.size >= patternsKeptMax) patterns.clear();
      pattern = compilePattern(source);
      patterns.set(source, pattern);
    }
    return pattern;
  };
  const add = (signature: string, handler: (...args: never[]) => unknown): void => {
    environment.registerFunction(signature, handler, sync);
  };
  add(`string.${linearMatches}(string): bool`, (text: string, source: string) => {
    const pattern = patternOf(source);
    matching.spend((pattern.size * text.length) / patternWorkOfCost);
    return pattern.test(text);
  });
  add('string.charAt(int): string', (text: string, index: bigint) => {
    const letters = Array.from(text);
    if (index < 0n || index > BigInt(letters.length)) throw new RuleError(`index out of range: ${index}`);
    return letters[Number(index)] ?? '';
  });
  add('string.replace(string, string): string', (text: string, old: string, next: string) =>
    text.replaceAll(old, () => next),
  );
  add('string.replace(string, string, int): string', (text: string, old: string, next: string, count: bigint) => {
    if (count < 0n) return text.replaceAll(old, () => next);
    const parts = text.split(old);
    const times = Math.min(Number(count), parts.length - 1);
    return (
      parts.slice(0, times + 1).join(next) +
      parts
        .slice(times + 1)
        .map((part) => old + part)
        .join('')
    );
  });
  add('string.reverse(): string', (text: string) => Array.from(text).toReversed().join(''));
  add('string.format(list): string', (text: string, values: readonly unknown[]) => formatted(text, values));
  add(`string(${timestamp}): string`, (time: Date) => time.toISOString().replace(/\.?0*Z$/, 'Z'));
  add(`string(${duration}): string`, (value: Duration) => value.toString());
  add(`timestamp(${timestamp}): ${timestamp}`, (time: Date) => time);
  add(`duration(${duration}): ${duration}`, (value: Duration) => value);
}

type Ordered = bigint | number | string | boolean | Date | Duration;

function registerLists(environment: Environment): void {
  const add = (signature: string, handler: (...args: never[]) => unknown): void => {
    environment.registerFunction(signature, handler, sync);
  };
  for (const type of orderedTypes) {
    add(`list<${type}>.isSorted(): bool`, (items: readonly Ordered[]) =>
      items.every((item, index) => index === 0 || compare(items[index - 1], item) <= 0),
    );
    add(`list<${type}>.min(): ${type}`, (items: readonly Ordered[]) => extreme(items, 'min', -1));
    add(`list<${type}>.max(): ${type}`, (items: readonly Ordered[]) => extreme(items, 'max', 1));
  }
  add('list<int>.sum(): int', (items: readonly bigint[]) => checkedInt(items.reduce((sum, item) => sum + item, 0n)));
  add('list<double>.sum(): double', (items: readonly number[]) => items.reduce((sum, item) => sum + item, 0));
  add(`list<${duration}>.sum(): ${duration}`, (items: readonly Duration[]) =>
    items.reduce((sum, item) => sum.addDuration(item), new Duration(0n)),
  );
  add('list<T>.indexOf(T): int', (items: readonly unknown[], wanted: unknown) =>
    BigInt(items.findIndex((item) => isEqual(item, wanted))),
  );
  add('list<T>.lastIndexOf(T): int', (items: readonly unknown[], wanted: unknown) =>
    BigInt(items.findLastIndex((item) => isEqual(item, wanted))),
  );
}

function registerSets(environment: Environment): void {
  class SetsNamespace {}
  environment.registerType('SetsNamespace', SetsNamespace);
  environment.registerConstant('sets', 'SetsNamespace', new SetsNamespace());
  const add = (name: string, holds: (a: ReadonlySet<string>, b: ReadonlySet<string>) => boolean): void => {
    environment.registerFunction(
      `SetsNamespace.${name}(list<T>, list<T>): bool`,
      (_: unknown, a: readonly unknown[], b: readonly unknown[]) => holds(new Set(a.map(idOf)), new Set(b.map(idOf))),
      sync,
    );
  };
  const contains = (a: ReadonlySet<string>, b: ReadonlySet<string>) => [...b].every((item) => a.has(item));
  add('contains', contains);
  add('equivalent', (a, b) => contains(a, b) && contains(b, a));
  add('intersects', (a, b) => [...a].some((item) => b.has(item)));
}

function registerQuantities(environment: Environment): void {
  environment.registerType('Quantity', Quantity);
  const add = (signature: string, handler: (...args: never[]) => unknown): void => {
    environment.registerFunction(signature, handler, sync);
  };
  const made = (nanos: bigint): Quantity => new Quantity(nanos);
  add('isQuantity(string): bool', (text: string) => parseQuantity(text) !== undefined);
  add('quantity(string): Quantity', (text: string) => {
    const nanos = parseQuantity(text);
    if (nanos === undefined) throw new RuleError('quantities must match the regular expression of a quantity');
    return made(nanos);
  });
  add('Quantity.sign(): int', (one: Quantity) => BigInt(compare(quantityNanos(one), 0n)));
  add('Quantity.isInteger(): bool', (one: Quantity) => quantityNanos(one) % 1_000_000_000n === 0n);
  add('Quantity.asInteger(): int', (one: Quantity) => {
    const nanos = quantityNanos(one);
    if (nanos % 1_000_000_000n !== 0n) throw new RuleError('cannot convert value to integer');
    return checkedInt(nanos / 1_000_000_000n);
  });
  add('Quantity.asApproximateFloat(): double', (one: Quantity) => Number(quantityNanos(one)) / 1e9);
  add('Quantity.isGreaterThan(Quantity): bool', (a: Quantity, b: Quantity) => quantityNanos(a) > quantityNanos(b));
  add('Quantity.isLessThan(Quantity): bool', (a: Quantity, b: Quantity) => quantityNanos(a) < quantityNanos(b));
  add('Quantity.compareTo(Quantity): int', (a: Quantity, b: Quantity) =>
    BigInt(compare(quantityNanos(a), quantityNanos(b))),
  );
  add('Quantity.add(Quantity): Quantity', (a: Quantity, b: Quantity) => made(quantityNanos(a) + quantityNanos(b)));
  add('Quantity.add(int): Quantity', (a: Quantity, b: bigint) => made(quantityNanos(a) + b * 1_000_000_000n));
  add('Quantity.sub(Quantity): Quantity', (a: Quantity, b: Quantity) => made(quantityNanos(a) - quantityNanos(b)));
  add('Quantity.sub(int): Quantity', (a: Quantity, b: bigint) => made(quantityNanos(a) - b * 1_000_000_000n));
  environment.registerOperator(
    'Quantity == Quantity',
    (a: Quantity, b: Quantity) => quantityNanos(a) === quantityNanos(b),
  );
}

/** A URL as rules see it. */
class Url {
  readonly url: URL;
  readonly isPath: boolean;
  constructor(url: URL, isPath: boolean) {
    this.url = url;
    this.isPath = isPath;
  }
}

function registerAddresses(environment: Environment): void {
  environment.registerType('URL', Url);
  const add = (signature: string, handler: (...args: never[]) => unknown): void => {
    environment.registerFunction(signature, handler, sync);
  };
  add('isURL(string): bool', (text: string) => urlOf(text) !== undefined);
  add('url(string): URL', (text: string) => {
    const url = urlOf(text);
    if (url === undefined) throw new RuleError(`URL parse error during conversion from string: ${text.slice(0, 200)}`);
    return url;
  });
  add('URL.getScheme(): string', (one: Url) => (one.isPath ? '' : one.url.protocol.replace(/:$/, '')));
  add('URL.getHost(): string', (one: Url) => (one.isPath ? '' : one.url.host));
  add('URL.getHostname(): string', (one: Url) => (one.isPath ? '' : one.url.hostname.replace(/^\[(.*)\]$/, '$1')));
  add('URL.getPort(): string', (one: Url) => (one.isPath ? '' : one.url.port));
  add('URL.getEscapedPath(): string', (one: Url) => one.url.pathname);
  add('URL.getQuery(): map<string, list<string>>', (one: Url) => {
    const query = new Map<string, string[]>();
    for (const key of one.url.searchParams.keys()) query.set(key, one.url.searchParams.getAll(key));
    return query;
  });
  add('isIP(string): bool', (text: string) => isAddress(text));
  add('isCIDR(string): bool', (text: string) => formatCheck('cidr')?.(text) === true);
}

function urlOf(text: string): Url | undefined {
  if (formatCheck('uri')?.(text) !== true) return undefined;
  try {
    return text.startsWith('/') ? new Url(new URL(text, 'x://x'), true) : new Url(new URL(text), false);
  } catch {
    return undefined;
  }
}

function isAddress(text: string): boolean {
  return formatCheck('ipv4')?.(text) === true || formatCheck('ipv6')?.(text) === true;
}

function extreme(items: readonly Ordered[], name: string, sign: number): Ordered {
  let [best] = items;
  if (best === undefined) throw new RuleError(`${name} called on empty list`);
  for (const item of items) if (compare(item, best) * sign > 0) best = item;
  return best;
}

function compare(a: Ordered | undefined, b: Ordered): number {
  const [left, right] = [orderOf(a), orderOf(b)];
  return left < right ? -1 : left > right ? 1 : 0;
}

function orderOf(value: Ordered | undefined): bigint | number | string | boolean {
  if (value instanceof Duration) return value.seconds * 1_000_000_000n + BigInt(value.nanos);
  if (value instanceof Date) return value.getTime();
  return value ?? '';
}

function isEqual(a: unknown, b: unknown): boolean {
  return a === b || idOf(a) === idOf(b);
}

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

const intMax = 2n ** 63n - 1n;

function checkedInt(value: bigint): bigint {
  if (value > intMax || value < -intMax - 1n) throw new RuleError('integer overflow');
  return value;
}
