// Defaults of users' schemas, filled in everywhere: below list items, below other defaults, and for nulls that the schema
// does not allow. Values are never shared with the schema, and an object that lacks nothing is given back as it is.
import { isRecord, type JsonRecord } from '../../json.ts';
import type { Budget } from './budget.ts';
import { fieldNode, hasDefault, type Node } from './node.ts';
import { mapItems } from './prune.ts';

/** A value with the defaults of its schema. */
export function withDefaults(node: Node, value: unknown, budget: Budget): unknown {
  if (!node.hasDefaults) return value;
  budget.take();
  if (Array.isArray(value)) {
    const { items } = node;
    if (items === undefined) return value;
    return mapItems(value, (item) => withDefaults(items, replacedNull(items, item), budget));
  }
  if (!isRecord(value)) return value;
  let result: JsonRecord | undefined;
  for (const [key, child] of node.properties) {
    if (!hasDefault(child.schema)) continue;
    if (Object.hasOwn(value, key) && (value[key] !== null || child.schema.nullable === true)) continue;
    result ??= { ...value };
    result[key] = structuredClone(child.schema.default);
  }
  for (const [key, field] of Object.entries(result ?? value)) {
    const child = fieldNode(node, key);
    if (typeof child !== 'object' || !child.hasDefaults) continue;
    const next = withDefaults(child, node.properties.has(key) ? field : replacedNull(child, field), budget);
    if (next === field) continue;
    result ??= { ...value };
    result[key] = next;
  }
  return result ?? value;
}

// In lists and maps only a null is replaced: there is no absent item.
function replacedNull(node: Node, value: unknown): unknown {
  if (value !== null || node.schema.nullable === true || !hasDefault(node.schema)) return value;
  return structuredClone(node.schema.default);
}
