// What there is: /api, /apis and below, plain and aggregated
// (https://kubernetes.io/docs/concepts/overview/kubernetes-api/#discovery-api), all from the table of kinds.
import { createHash } from 'node:crypto';
import type { KindInfo, Subresource } from '../../apis/index.ts';

const verbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];

/** What may be done with each subresource. */
export const subresourceVerbs: Readonly<Record<Subresource, readonly string[]>> = {
  status: ['get', 'patch', 'update'],
  binding: ['create'],
  eviction: ['create'],
  content: ['get', 'update'],
  log: ['get'],
  progress: ['get'],
  token: ['create'],
  tunnel: ['get'],
};

/** `kubectl get all` takes kinds of these categories. */
const categories: Readonly<Record<string, readonly string[]>> = {
  Pod: ['all'],
  Pipeline: ['all', 'runink'],
  Run: ['all', 'runink'],
  Slice: ['all', 'runink'],
  Contract: ['runink'],
  Bundle: ['runink'],
};

/** APIVersions of the core group. */
export function coreVersions(address: string): unknown {
  return {
    kind: 'APIVersions',
    versions: ['v1'],
    serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress: address }],
  };
}

/** APIGroupList of all groups but the core. */
export function groupList(kinds: readonly KindInfo[]): unknown {
  return { kind: 'APIGroupList', apiVersion: 'v1', groups: groupsOf(kinds).map(groupBody) };
}

/** APIGroup of one group, or undefined. */
export function group(kinds: readonly KindInfo[], name: string): unknown {
  if (!groupsOf(kinds).includes(name)) return undefined;
  return { kind: 'APIGroup', apiVersion: 'v1', ...groupBody(name) };
}

/** APIResourceList of a group's version, or undefined. */
export function resourceList(kinds: readonly KindInfo[], group: string, version: string): unknown {
  const own = kinds.filter((info) => info.group === group && info.version === version);
  if (own.length === 0) return undefined;
  return {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion: group === '' ? version : `${group}/${version}`,
    resources: own.flatMap((info) => [
      resourceBody(info),
      ...info.subresources.map((sub) => subresourceBody(info, sub)),
    ]),
  };
}

/** APIGroupDiscoveryList (`v2` or `v2beta1`) of the core group or of all others. */
export function aggregated(kinds: readonly KindInfo[], isCore: boolean, version: 'v2' | 'v2beta1'): unknown {
  const names = isCore ? [''] : groupsOf(kinds);
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: `apidiscovery.k8s.io/${version}`,
    metadata: {},
    items: names.map((name) => ({
      metadata: name === '' ? {} : { name },
      versions: [
        {
          version: 'v1',
          freshness: 'Current',
          resources: kinds.filter((info) => info.group === name).map(aggregatedResource),
        },
      ],
    })),
  };
}

function groupsOf(kinds: readonly KindInfo[]): string[] {
  return [...new Set(kinds.map((info) => info.group))].filter((name) => name !== '');
}

function groupBody(name: string) {
  const version = { groupVersion: `${name}/v1`, version: 'v1' };
  return { name, versions: [version], preferredVersion: version };
}

function resourceBody(info: KindInfo) {
  const id = `${info.group}/${info.version}/${info.kind}`;
  return {
    name: info.plural,
    singularName: info.singular,
    namespaced: info.scope === 'Namespaced',
    kind: info.kind,
    verbs: info.verbs ?? verbs,
    ...(info.shortNames.length === 0 ? {} : { shortNames: info.shortNames }),
    ...(categories[info.kind] === undefined ? {} : { categories: categories[info.kind] }),
    storageVersionHash: createHash('sha256').update(id).digest().subarray(0, 8).toString('base64'),
  };
}

function subresourceBody(info: KindInfo, subresource: Subresource) {
  return {
    name: `${info.plural}/${subresource}`,
    singularName: '',
    namespaced: info.scope === 'Namespaced',
    ...bodyOf(info, subresource),
    verbs: subresourceVerbs[subresource],
  };
}

// Group and version stand there only where they are not the kind's own; by those of an eviction kubectl drain knows it.
function bodyOf(
  info: KindInfo,
  subresource: Subresource,
): { readonly group?: string; readonly version?: string; readonly kind: string } {
  switch (subresource) {
    case 'eviction':
      return eviction;
    case 'binding':
      return { kind: 'Binding' };
    default:
      return { kind: info.kind };
  }
}

const eviction = { group: 'policy', version: 'v1', kind: 'Eviction' } as const;

function aggregatedResource(info: KindInfo) {
  const responseKind = { group: info.group, version: info.version, kind: info.kind };
  return {
    resource: info.plural,
    responseKind,
    scope: info.scope === 'Namespaced' ? 'Namespaced' : 'Cluster',
    singularResource: info.singular,
    verbs: info.verbs ?? verbs,
    ...(info.shortNames.length === 0 ? {} : { shortNames: info.shortNames }),
    ...(categories[info.kind] === undefined ? {} : { categories: categories[info.kind] }),
    ...(info.subresources.length === 0
      ? {}
      : {
          subresources: info.subresources.map((name) => ({
            subresource: name,
            responseKind: { ...responseKind, ...bodyOf(info, name) },
            verbs: subresourceVerbs[name],
          })),
        }),
  };
}
