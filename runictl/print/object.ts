// Objects as -o json and -o yaml print them: keys in order, as kubectl does, so that two outputs can be compared.
import type { ApiObject, KindInfo } from '../../apis/index.ts';
import { escapeControls } from './escape.ts';

/** Indented by four, keys sorted, with a final newline. */
export function toJson(value: unknown): string {
  // JSON escapes C0 itself; C1 and direction marks it does not.
  return `${escapeControls(JSON.stringify(sortKeys(value), null, 4))}\n`;
}

/** YAML with sorted keys and a final newline; what YAML 1.1 (kubectl's) takes for a boolean, such as `on`, is quoted. */
export async function toYaml(value: unknown): Promise<string> {
  const { stringify } = await import('yaml');
  return escapeControls(
    stringify(sortKeys(value), { indentSeq: false, lineWidth: 0, aliasDuplicateObjects: false, compat: 'yaml-1.1' }),
  );
}

/** `pipeline.runink.io/delays`. */
export function objectName(kind: KindInfo, name: string): string {
  return `${kind.singular}${kind.group === '' ? '' : `.${kind.group}`}/${name}`;
}

/** A copy without the managers of fields, which nobody wants to read. */
export function withoutManagedFields<T extends ApiObject>(object: T): T {
  if (object.metadata?.managedFields === undefined) return object;
  const { managedFields: _, ...metadata } = object.metadata;
  return { ...object, metadata };
}

/** A deep copy whose objects have their keys in order; what is no own enumerable value is dropped. */
export function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return Object.fromEntries(entries.map(([key, item]) => [key, sortKeys(item)]));
}
