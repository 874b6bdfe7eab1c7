// Dropping what a user's schema does not name, and nulls that stand for nothing. What is unchanged is shared with the
// value that was given, and a value from which nothing is dropped is given back as it is.
import { isRecord, type JsonRecord } from '../../json.ts';
import type { Budget } from './budget.ts';
import { fieldNode, hasDefault, type Node } from './node.ts';

/** Paths of dropped fields that are told; more are dropped without a word. */
const unknownFieldsMax = 100;
const metaFields = new Set(['apiVersion', 'kind', 'metadata']);

interface Pruning {
  readonly budget: Budget;
  /** Paths of what was dropped. */
  readonly unknownFields: string[];
}

/**
 * Prunes a value; at the root of a resource apiVersion, kind and metadata stay whatever the schema says. Nulls that are
 * neither allowed nor have a default are dropped with the fields, and are not told.
 */
export function prune(node: Node, value: unknown, isRoot: boolean, budget: Budget, unknownFields: string[]): unknown {
  return pruned(node, value, '', isRoot, false, { budget, unknownFields });
}

// `keeps`: in a list below a node that keeps unknown fields, whose items keep theirs whatever they say themselves.
function pruned(
  node: Node | undefined,
  value: unknown,
  path: string,
  isRoot: boolean,
  keeps: boolean,
  pruning: Pruning,
): unknown {
  pruning.budget.take();
  const preserves = keeps || node?.preserves === true;
  if (preserves && node === undefined) return value;
  if (Array.isArray(value)) {
    return mapItems(value, (item, index) => pruned(node?.items, item, `${path}[${index}]`, false, preserves, pruning));
  }
  if (!isRecord(value)) return value;
  const keepsMeta = isRoot || node?.isResource === true;
  let result: JsonRecord | undefined;
  for (const key of Object.keys(value)) {
    if (keepsMeta && metaFields.has(key)) continue;
    const field = value[key];
    const child = node === undefined ? undefined : fieldNode(node, key);
    if (child === undefined && preserves) continue;
    // Of a field that is known and has nothing in it there is nothing to prune.
    if (child !== undefined && typeof field !== 'object') continue;
    const childPath = path === '' ? key : `${path}.${key}`;
    if (child === undefined || child === false) {
      // `additionalProperties: false` takes no field: validation says so, where a pruned one would be lost in silence.
      if (child === false) continue;
      if (pruning.unknownFields.length < unknownFieldsMax) pruning.unknownFields.push(childPath);
    } else if (field !== null || child === true || !isNothing(child)) {
      const next = pruned(child === true ? undefined : child, field, childPath, false, false, pruning);
      if (next === field) continue;
      result ??= { ...value };
      result[key] = next;
      continue;
    }
    result ??= { ...value };
    delete result[key];
  }
  return result ?? value;
}

/** `items` with each item replaced, or itself when none changed. */
export function mapItems(items: readonly unknown[], change: (item: unknown, index: number) => unknown): unknown {
  let result: unknown[] | undefined;
  for (const [index, item] of items.entries()) {
    const next = change(item, index);
    if (next === item) continue;
    result ??= [...items];
    result[index] = next;
  }
  return result ?? items;
}

function isNothing(node: Node): boolean {
  return node.schema.nullable !== true && !hasDefault(node.schema);
}
