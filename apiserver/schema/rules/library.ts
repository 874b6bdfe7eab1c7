// What Kubernetes' CEL has beyond the standard (https://kubernetes.io/docs/reference/using-api/cel/#cel-libraries), as far
// as the CEL package lacks it. What is not here is unknown to the type check, so that a rule which uses it is refused.
import type { Environment } from '@marcbachmann/cel-js';
import type { Duration } from '@marcbachmann/cel-js/evaluator';
import { compilePattern, type Pattern } from '../../../lang/expressions/index.ts';
import { registerAddresses } from './addresses.ts';
import { formatted } from './format.ts';
import { checkedInt, registerLists } from './lists.ts';
import { registerOptionals } from './optionals.ts';
import { parseQuantity, Quantity, quantityNanos } from './quantity.ts';
import { RuleError } from './rule-error.ts';

/** What `x.matches(pattern)` is renamed to: the package's own backtracks. */
export const linearMatches = 'matchesLinear';

/** Who is told what matching a pattern costs: whoever evaluates at the moment. Evaluation is never interleaved. */
export const matching: { spend: (cost: number) => void } = { spend: () => {} };

type Adder = (signature: string, handler: (...args: never[]) => unknown) => void;

/** Work of the pattern engine, its instructions times letters, that costs as much as one node of a rule. */
const patternWorkOfCost = 32;
const patternsKeptMax = 256;
const timestamp = 'google.protobuf.Timestamp';
const duration = 'google.protobuf.Duration';

/** Adds the functions to an environment that has nothing of them. */
export function registerLibrary(environment: Environment): void {
  const add: Adder = (signature, handler) => {
    environment.registerFunction(signature, handler, { async: false });
  };
  registerTexts(add);
  registerPatterns(add);
  registerLists(environment, add);
  registerQuantities(environment, add);
  registerAddresses(environment, add);
  registerOptionals(environment);
}

function registerTexts(add: Adder): void {
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

function registerPatterns(add: Adder): void {
  const patterns = new Map<string, Pattern>();
  const search = (text: string, source: string): Pattern => {
    let pattern = patterns.get(source);
    if (pattern === undefined) {
      if (patterns.size >= patternsKeptMax) patterns.clear();
      pattern = compilePattern(source);
      patterns.set(source, pattern);
    }
    matching.spend((pattern.size * text.length) / patternWorkOfCost);
    return pattern;
  };
  add(`string.${linearMatches}(string): bool`, (text: string, source: string) => search(text, source).test(text));
  add('string.find(string): string', (text: string, source: string) => search(text, source).findAll(text, 1)[0] ?? '');
  add('string.findAll(string): list<string>', (text: string, source: string) =>
    search(text, source).findAll(text, text.length + 1),
  );
  add('string.findAll(string, int): list<string>', (text: string, source: string, count: bigint) =>
    search(text, source).findAll(text, count < 0n ? text.length + 1 : Number(count)),
  );
}

function registerQuantities(environment: Environment, add: Adder): void {
  environment.registerType('Quantity', Quantity);
  const made = (nanos: bigint): Quantity => new Quantity(nanos);
  const one = 1_000_000_000n;
  add('isQuantity(string): bool', (text: string) => parseQuantity(text) !== undefined);
  add('quantity(string): Quantity', (text: string) => {
    const nanos = parseQuantity(text);
    if (nanos === undefined) throw new RuleError('quantities must match the regular expression of a quantity');
    return made(nanos);
  });
  add('Quantity.sign(): int', (a: Quantity) => BigInt(signOf(quantityNanos(a))));
  add('Quantity.isInteger(): bool', (a: Quantity) => quantityNanos(a) % one === 0n);
  add('Quantity.asInteger(): int', (a: Quantity) => {
    if (quantityNanos(a) % one !== 0n) throw new RuleError('cannot convert value to integer');
    return checkedInt(quantityNanos(a) / one);
  });
  add('Quantity.asApproximateFloat(): double', (a: Quantity) => Number(quantityNanos(a)) / 1e9);
  add('Quantity.isGreaterThan(Quantity): bool', (a: Quantity, b: Quantity) => quantityNanos(a) > quantityNanos(b));
  add('Quantity.isLessThan(Quantity): bool', (a: Quantity, b: Quantity) => quantityNanos(a) < quantityNanos(b));
  add('Quantity.compareTo(Quantity): int', (a: Quantity, b: Quantity) =>
    BigInt(signOf(quantityNanos(a) - quantityNanos(b))),
  );
  add('Quantity.add(Quantity): Quantity', (a: Quantity, b: Quantity) => made(quantityNanos(a) + quantityNanos(b)));
  add('Quantity.add(int): Quantity', (a: Quantity, b: bigint) => made(quantityNanos(a) + b * one));
  add('Quantity.sub(Quantity): Quantity', (a: Quantity, b: Quantity) => made(quantityNanos(a) - quantityNanos(b)));
  add('Quantity.sub(int): Quantity', (a: Quantity, b: bigint) => made(quantityNanos(a) - b * one));
  environment.registerOperator(
    'Quantity == Quantity',
    (a: Quantity, b: Quantity) => quantityNanos(a) === quantityNanos(b),
  );
}

function signOf(value: bigint): number {
  return value < 0n ? -1 : value > 0n ? 1 : 0;
}
