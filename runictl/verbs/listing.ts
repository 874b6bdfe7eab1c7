// What get, describe, delete and wait share: which objects are meant, and how a table of them is shown.
import type { Unstructured } from '../../apis/index.ts';
import { type Api, linesOf, refIn } from '../api.ts';
import { isOn, type Options, textOption } from '../options.ts';
import { objectName } from '../print/object.ts';
import type { TableOptions } from '../print/server-table.ts';
import type { Selection } from '../resource.ts';
import { isRecord } from '../values.ts';

/** What a listing is narrowed to. */
export interface Scope {
  readonly namespace: string | undefined;
  readonly labelSelector: string | undefined;
  readonly fieldSelector: string | undefined;
}

/** Herd and selectors of -A, -n, -l and --field-selector. */
export function scopeOf(api: Api, options: Options): Scope {
  return {
    namespace: isOn(options, 'allNamespaces') ? undefined : api.namespace,
    labelSelector: textOption(options, 'selector'),
    fieldSelector: textOption(options, 'fieldSelector'),
  };
}

/** The objects of a selection: those named, or all in scope. */
export async function fetchObjects(api: Api, selection: Selection, scope: Scope): Promise<Unstructured[]> {
  const { kind, names } = selection;
  if (names.length > 0)
    return Promise.all(names.map((name) => api.client.get<Unstructured>(kind, refIn(kind, api.namespace, name))));
  const items: Unstructured[] = [];
  let next: string | undefined;
  do {
    const page = await api.client.list<Unstructured>(kind, {
      ...(scope.namespace === undefined || kind.scope === 'Cluster' ? {} : { namespace: scope.namespace }),
      ...(scope.labelSelector === undefined ? {} : { labelSelector: scope.labelSelector }),
      ...(scope.fieldSelector === undefined ? {} : { fieldSelector: scope.fieldSelector }),
      limit: pageSize,
      ...(next === undefined ? {} : { continue: next }),
    });
    items.push(...page.items);
    next = page.metadata.continue === '' ? undefined : page.metadata.continue;
  } while (next !== undefined);
  return items;
}

const pageSize = 500;

/** How the table of one kind among several is shown. */
export function tableOptions(
  selection: Selection,
  selections: readonly Selection[],
  options: Options,
  isWide: boolean,
): TableOptions {
  const { kind } = selection;
  return {
    isWide,
    withNamespace: isOn(options, 'allNamespaces') && kind.scope === 'Namespaced',
    withLabels: isOn(options, 'showLabels'),
    labelColumns: textOption(options, 'labelColumns')?.split(',') ?? [],
    namePrefix: selections.length > 1 ? objectName(kind, '') : '',
  };
}

/** Watch events of a raw watch stream, parsed. */
export async function* watchLines(chunks: AsyncIterable<Uint8Array>): AsyncIterable<{ type: string; object: unknown }> {
  for await (const line of linesOf(chunks)) {
    const value: unknown = JSON.parse(line);
    if (isRecord(value) && typeof value['type'] === 'string') yield { type: value['type'], object: value['object'] };
  }
}
