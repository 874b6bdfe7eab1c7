// An applied configuration merged into what is live, by schema.
import type { Schema } from '../../apis/index.ts';
import { arrayOf, type JsonRecord, recordOf } from '../json.ts';
import { fieldSchema, itemElement, shapeOf } from './shape.ts';

/** `live` with what `applied` says. Neither is changed; parts may be shared. */
export function merge(schema: Schema | undefined, live: unknown, applied: unknown): unknown {
  if (applied === undefined) return live;
  if (live === undefined) return applied;
  const shape = shapeOf(schema, applied === null ? live : applied);
  if (shape === 'leaf' || shape !== shapeOf(schema, live === null ? applied : live)) return applied;
  return shape === 'map' ? mergeMaps(schema, live, applied) : mergeLists(schema, live, applied);
}

function mergeMaps(schema: Schema | undefined, live: unknown, applied: unknown): unknown {
  const result: JsonRecord = { ...recordOf(live) };
  const given = recordOf(applied);
  for (const key in given) {
    const here = Object.hasOwn(result, key) ? result[key] : undefined;
    result[key] = merge(fieldSchema(schema, key), here, given[key]);
  }
  // Where both are empty, null or {} is what the configuration says.
  return Object.keys(result).length === 0 ? applied : result;
}

// The applied items come in their order. Those that only the live list has stay where they are between the shared ones;
// new ones come where the configuration has them, behind the live ones that stand at that place.
function mergeLists(schema: Schema | undefined, live: unknown, applied: unknown): unknown {
  const here = elementsOf(schema, arrayOf(live));
  const given = elementsOf(schema, arrayOf(applied));
  if (here.length === 0 && given.length === 0) return applied;
  // An item that stands in the live list more than once is merged with none of them.
  const liveItems = new Map<string, unknown>();
  for (const { element, item } of here) liveItems.set(element, liveItems.has(element) ? undefined : item);
  const wanted = new Set(given.map(({ element }) => element));
  const shared = given.map(({ element }) => element).filter((element) => liveItems.has(element));
  const result: unknown[] = [];
  let at = 0;
  let next = 0;
  for (const { element, item } of given) {
    for (; at < here.length; at++) {
      const beside = here[at];
      if (beside === undefined || beside.element === element) break;
      if (!wanted.has(beside.element)) result.push(beside.item);
      else if (beside.element === shared[next]) break;
    }
    if (here[at]?.element === element) at++;
    result.push(merge(schema?.items, liveItems.get(element), item));
    if (shared[next] === element) next++;
  }
  for (const { element, item } of here.slice(at)) if (!wanted.has(element)) result.push(item);
  return result;
}

interface Item {
  readonly element: string;
  readonly item: unknown;
}

function elementsOf(schema: Schema | undefined, items: readonly unknown[]): Item[] {
  const result: Item[] = [];
  for (const item of items) {
    const element = itemElement(schema, item);
    if (element !== undefined) result.push({ element, item });
  }
  return result;
}
