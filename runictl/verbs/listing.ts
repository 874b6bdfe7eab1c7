// What get, describe, delete and wait share: which objects are meant, and how a table of them is shown.
import { notFound, type Unstructured } from '../../apis/index.ts';
import { collectionPath } from '../../client/index.ts';
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
  /** A version of the past, within what the server remembers. */
  readonly at?: string;
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
  if (scope.at !== undefined) return fetchPast(api, selection, scope);
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

/** The query of a list at the scope's version, of one object if it is named; undefined: of now. */
export function pastQuery(scope: Scope, name: string | undefined): Record<string, string | undefined> | undefined {
  if (scope.at === undefined) return undefined;
  return {
    resourceVersion: scope.at,
    resourceVersionMatch: 'Exact',
    labelSelector: name === undefined ? scope.labelSelector : undefined,
    fieldSelector: name === undefined ? scope.fieldSelector : `metadata.name=${name}`,
  };
}

// One object of the past is a list too: only lists can be asked for at an exact version.
async function fetchPast(api: Api, { kind, names }: Selection, scope: Scope): Promise<Unstructured[]> {
  const items: Unstructured[] = [];
  for (const name of names.length === 0 ? [undefined] : names) {
    const herd = name === undefined ? scope.namespace : api.namespace;
    const path = collectionPath(kind, kind.scope === 'Cluster' ? undefined : herd);
    const found = objectsIn(await (await api.get(path, { query: pastQuery(scope, name) ?? {} })).json());
    if (name !== undefined && found.length === 0) throw notFound(kind, name);
    items.push(...found);
  }
  return items;
}

function objectsIn(list: unknown): Unstructured[] {
  const items = isRecord(list) ? list['items'] : undefined;
  return Array.isArray(items) ? items.filter(isObject) : [];
}

function isObject(value: unknown): value is Unstructured {
  return isRecord(value) && isRecord(value['metadata']);
}

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
