import type { Api } from '../api.ts';
import { UsageError } from '../failure.ts';
import { type Options, textOption } from '../options.ts';
import { columnLines } from '../print/columns.ts';
import type { Session } from '../session.ts';
import { isRecord, textOf } from '../values.ts';

interface Resource {
  readonly name: string;
  readonly shortNames: readonly string[];
  readonly groupVersion: string;
  readonly namespaced: boolean;
  readonly kind: string;
  readonly verbs: readonly string[];
}

/** `runictl api-resources`: what discovery of the server lists. */
export async function apiResources(session: Session, options: Options): Promise<number> {
  const form = textOption(options, 'output');
  if (form !== undefined && form !== 'wide' && form !== 'name')
    throw new UsageError(`-o ${form}: api-resources prints wide or name`);
  const group = textOption(options, 'apiGroup');
  const namespaced = textOption(options, 'namespaced');
  const resources = (await discover(await session.connect()))
    .filter((resource) => group === undefined || groupOf(resource) === group)
    .filter((resource) => namespaced === undefined || String(resource.namespaced) === namespaced)
    .sort((a, b) => (groupOf(a) === groupOf(b) ? compare(a.name, b.name) : compare(groupOf(a), groupOf(b))));
  if (form === 'name') {
    const names = resources.map((resource) =>
      [resource.name, groupOf(resource)].filter((part) => part !== '').join('.'),
    );
    await session.terminal.out(names.map((name) => `${name}\n`).join(''));
    return 0;
  }
  const header = ['NAME', 'SHORTNAMES', 'APIVERSION', 'NAMESPACED', 'KIND', ...(form === 'wide' ? ['VERBS'] : [])];
  const rows = resources.map(({ name, shortNames, groupVersion, namespaced: isNamespaced, kind, verbs }) => [
    name,
    shortNames.join(','),
    groupVersion,
    String(isNamespaced),
    kind,
    ...(form === 'wide' ? [verbs.join(',')] : []),
  ]);
  await session.terminal.out(`${columnLines(options['headers'] === false ? rows : [header, ...rows]).join('\n')}\n`);
  return 0;
}

async function discover(api: Api): Promise<Resource[]> {
  const groups = await (await api.get('/apis')).json();
  const listed = isRecord(groups) && Array.isArray(groups['groups']) ? groups['groups'].filter(isRecord) : [];
  const versions = listed.flatMap(({ preferredVersion }) =>
    isRecord(preferredVersion) ? [textOf(preferredVersion['groupVersion'])] : [],
  );
  const lists = await Promise.all(
    ['/api/v1', ...versions.map((version) => `/apis/${version}`)].map(async (path) => (await api.get(path)).json()),
  );
  return lists.flatMap(resourcesOf);
}

function resourcesOf(list: unknown): Resource[] {
  if (!isRecord(list) || !Array.isArray(list['resources'])) return [];
  return list['resources']
    .filter(isRecord)
    .filter(({ name }) => typeof name === 'string' && !name.includes('/'))
    .map(({ name, shortNames, namespaced, kind, verbs }) => ({
      name: textOf(name),
      shortNames: texts(shortNames),
      groupVersion: textOf(list['groupVersion']),
      namespaced: namespaced === true,
      kind: textOf(kind),
      verbs: texts(verbs),
    }));
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

function groupOf({ groupVersion }: Resource): string {
  return groupVersion.includes('/') ? (groupVersion.split('/')[0] ?? '') : '';
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
