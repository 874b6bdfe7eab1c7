// Sets and map lists hold nothing twice. Paths are as Kubernetes' field package writes them: `[key]` for what is in a map.
import { isRecord, type JsonRecord } from '../../json.ts';
import type { Budget } from './budget.ts';
import { canonical } from './canonical.ts';
import type { Node } from './node.ts';
import { duplicate, invalidAt, type Problem } from './problem.ts';

/** The items that stand twice in sets and map lists, each told once. */
export function listProblems(node: Node, value: unknown, budget: Budget, path = ''): readonly Problem[] {
  if (!node.hasLists) return [];
  budget.take();
  if (Array.isArray(value)) {
    const { items } = node;
    const own = ownProblems(node, value, path);
    if (items?.hasLists !== true) return own;
    return [...own, ...value.flatMap((item, index) => listProblems(items, item, budget, `${path}[${index}]`))];
  }
  if (!isRecord(value)) return [];
  const { additional } = node;
  const problems: Problem[] = [];
  for (const key of Object.keys(value).toSorted()) {
    const child = node.properties.get(key);
    if (child !== undefined) {
      problems.push(...listProblems(child, value[key], budget, path === '' ? key : `${path}.${key}`));
    } else if (typeof additional === 'object') {
      problems.push(...listProblems(additional, value[key], budget, `${path}[${key}]`));
    }
  }
  return problems;
}

function ownProblems(node: Node, items: readonly unknown[], path: string): Problem[] {
  switch (node.schema['x-kubernetes-list-type']) {
    case 'set':
      return duplicates(items, path);
    case 'map': {
      const stranger = items.findIndex((item) => item !== null && !isRecord(item));
      if (stranger >= 0) {
        const words = 'must be an object for an array of list-type map';
        return [invalidAt(`${path}[${stranger}]`, items[stranger], words)];
      }
      const names = node.schema['x-kubernetes-list-map-keys'] ?? [];
      return duplicates(
        items.map((item) => keys(names, item)),
        path,
      );
    }
    default:
      return [];
  }
}

function duplicates(values: readonly unknown[], path: string): Problem[] {
  const counts = new Map<string, number>();
  const problems: Problem[] = [];
  for (const [index, value] of values.entries()) {
    const text = canonical(value);
    const count = counts.get(text) ?? 0;
    counts.set(text, count + 1);
    if (count === 1) problems.push(duplicate(`${path}[${index}]`, value));
  }
  return problems;
}

function keys(names: readonly string[], item: unknown): JsonRecord {
  const result: JsonRecord = {};
  if (isRecord(item)) for (const name of names) if (Object.hasOwn(item, name)) result[name] = item[name];
  return result;
}
