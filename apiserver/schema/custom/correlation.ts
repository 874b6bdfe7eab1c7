// What a value was before an update, where that can be told (KEP-4008, ratcheting): fields by name, items of map lists by
// their keys, items of other lists not at all.
import { isRecord, type JsonRecord } from '../../json.ts';
import { canonical } from './canonical.ts';
import { fieldNode, type Node } from './node.ts';

/** A value and what it was, at one place of an object. */
export class Correlation {
  readonly before: unknown;
  readonly value: unknown;
  readonly #node: Node;
  #isSame: boolean | undefined;
  #byKeys: ReadonlyMap<string, unknown> | undefined;

  constructor(node: Node, before: unknown, value: unknown) {
    this.#node = node;
    this.before = before;
    this.value = value;
  }

  /** Whether nothing changed here or below. */
  isUnchanged(): boolean {
    this.#isSame ??= this.before === this.value || canonical(this.before) === canonical(this.value);
    return this.#isSame;
  }

  /** The same for a field, or undefined when it had no value. */
  field(key: string): Correlation | undefined {
    const node = fieldNode(this.#node, key);
    if (typeof node !== 'object' || !has(this.before, key) || !has(this.value, key)) return undefined;
    return new Correlation(node, this.before[key], this.value[key]);
  }

  /** The same for an item, or undefined when it has no keys that an item had before. */
  item(index: number): Correlation | undefined {
    const { items } = this.#node;
    if (items === undefined || !Array.isArray(this.value) || !Array.isArray(this.before)) return undefined;
    if (!isMapList(this.#node)) return undefined;
    const value: unknown = this.value[index];
    this.#byKeys ??= byKeys(this.#node, this.before);
    const before = this.#byKeys.get(keysOf(this.#node, value));
    return before === undefined ? undefined : new Correlation(items, before, value);
  }
}

/** Whether a list's items are told apart by keys. */
export function isMapList(node: Node): boolean {
  return node.schema['x-kubernetes-list-type'] === 'map';
}

/** Items of a map list by their keys; of two with the same keys the first counts. */
export function byKeys(node: Node, items: readonly unknown[]): Map<string, unknown> {
  const result = new Map<string, unknown>();
  for (const item of items) {
    const keys = keysOf(node, item);
    if (isRecord(item) && !result.has(keys)) result.set(keys, item);
  }
  return result;
}

/** The keys of an item of a map list as one text. */
export function keysOf(node: Node, item: unknown): string {
  const names = node.schema['x-kubernetes-list-map-keys'] ?? [];
  return canonical(names.map((name) => (has(item, name) ? [item[name]] : [])));
}

function has(value: unknown, key: string): value is JsonRecord {
  return isRecord(value) && Object.hasOwn(value, key);
}
