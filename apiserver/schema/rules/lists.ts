// Functions over lists in rules: Kubernetes' own, and those of CEL's extension that it has.
import { type Environment, Optional } from '@marcbachmann/cel-js';
import { Duration } from '@marcbachmann/cel-js/evaluator';
import { RuleError } from './rule-error.ts';
import { idOf } from './same.ts';

type Adder = (signature: string, handler: (...args: never[]) => unknown) => void;
type Ordered = bigint | number | string | boolean | Date | Duration;

const timestamp = 'google.protobuf.Timestamp';
const duration = 'google.protobuf.Duration';
const orderedTypes = ['int', 'double', 'string', 'bool', timestamp, duration] as const;
const rangeMax = 10_000n;

/** Adds the functions over lists and over lists as sets. */
export function registerLists(environment: Environment, add: Adder): void {
  for (const type of orderedTypes) {
    add(`list<${type}>.isSorted(): bool`, (items: readonly Ordered[]) =>
      items.every((item, index) => index === 0 || compare(items[index - 1], item) <= 0),
    );
    add(`list<${type}>.min(): ${type}`, (items: readonly Ordered[]) => extreme(items, 'min', -1));
    add(`list<${type}>.max(): ${type}`, (items: readonly Ordered[]) => extreme(items, 'max', 1));
    add(`list<${type}>.sort(): list<${type}>`, (items: readonly Ordered[]) => items.toSorted(compare));
  }
  add('list<int>.sum(): int', (items: readonly bigint[]) => checkedInt(items.reduce((sum, item) => sum + item, 0n)));
  add('list<double>.sum(): double', (items: readonly number[]) => items.reduce((sum, item) => sum + item, 0));
  add(`list<${duration}>.sum(): ${duration}`, (items: readonly Duration[]) =>
    items.reduce((sum, item) => sum.addDuration(item), new Duration(0n)),
  );
  add('list<T>.indexOf(T): int', (items: readonly unknown[], wanted: unknown) => {
    const id = idOf(wanted);
    return BigInt(items.findIndex((item) => idOf(item) === id));
  });
  add('list<T>.lastIndexOf(T): int', (items: readonly unknown[], wanted: unknown) => {
    const id = idOf(wanted);
    return BigInt(items.findLastIndex((item) => idOf(item) === id));
  });
  registerExtension(add);
  registerSets(environment, add);
}

function registerExtension(add: Adder): void {
  add('list<T>.distinct(): list<T>', (items: readonly unknown[]) => {
    const seen = new Map<string, unknown>();
    for (const item of items) if (!seen.has(idOf(item))) seen.set(idOf(item), item);
    return [...seen.values()];
  });
  add('list<T>.reverse(): list<T>', (items: readonly unknown[]) => items.toReversed());
  add('list<T>.first(): optional<T>', (items: readonly unknown[]) => optionalOf(items[0]));
  add('list<T>.last(): optional<T>', (items: readonly unknown[]) => optionalOf(items.at(-1)));
  add('list<T>.slice(int, int): list<T>', (items: readonly unknown[], start: bigint, end: bigint) => {
    if (start < 0n || end < start || end > BigInt(items.length)) {
      throw new RuleError(`cannot slice(${start}, ${end}), list is length ${items.length}`);
    }
    return items.slice(Number(start), Number(end));
  });
  add('list<list<T>>.flatten(): list<T>', (items: readonly unknown[]) => items.flat());
}

function registerSets(environment: Environment, add: Adder): void {
  class SetsNamespace {}
  class ListsNamespace {}
  environment.registerType('SetsNamespace', SetsNamespace);
  environment.registerConstant('sets', 'SetsNamespace', new SetsNamespace());
  environment.registerType('ListsNamespace', ListsNamespace);
  environment.registerConstant('lists', 'ListsNamespace', new ListsNamespace());
  add('ListsNamespace.range(int): list<int>', (_: unknown, count: bigint) => {
    if (count > rangeMax) throw new RuleError(`lists.range(${count}) is longer than ${rangeMax}`);
    return Array.from({ length: Math.max(0, Number(count)) }, (_item, index) => BigInt(index));
  });
  const addSet = (name: string, holds: (a: ReadonlySet<string>, b: ReadonlySet<string>) => boolean): void =>
    add(`SetsNamespace.${name}(list<T>, list<T>): bool`, (_: unknown, a: readonly unknown[], b: readonly unknown[]) =>
      holds(new Set(a.map(idOf)), new Set(b.map(idOf))),
    );
  const contains = (a: ReadonlySet<string>, b: ReadonlySet<string>) => [...b].every((item) => a.has(item));
  addSet('contains', contains);
  addSet('equivalent', (a, b) => contains(a, b) && contains(b, a));
  addSet('intersects', (a, b) => [...a].some((item) => b.has(item)));
}

function optionalOf(value: unknown): unknown {
  return value === undefined ? Optional.none() : Optional.of(value);
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

const intMax = 2n ** 63n - 1n;

/** An integer of 64 bits. Errors: RuleError when it is none. */
export function checkedInt(value: bigint): bigint {
  if (value > intMax || value < -intMax - 1n) throw new RuleError('integer overflow');
  return value;
}
