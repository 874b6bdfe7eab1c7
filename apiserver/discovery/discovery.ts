// What there is: /api, /apis and below, plain and aggregated
// (https://kubernetes.io/docs/concepts/overview/kubernetes-api/#discovery-api), all from the table of kinds.
import { createHash } from 'node:crypto';
import { compareVersions, type KindInfo, type Subresource } from '../../apis/index.ts';

const verbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];
/** In the order that Kubernetes names them for users' kinds. */
const customVerbs = ['delete', 'deletecollection', 'get', 'list', 'patch', 'create', 'update', 'watch'];
/** What can be done while a definition goes. */
const terminatingVerbs = ['delete', 'deletecollection', 'get', 'list', 'watch'];

/** What may be done with each subresource. */
export const subresourceVerbs: Readonly<Record<Subresource, readonly string[]>> = {
  status: ['get', 'patch', 'update'],
  scale: ['get', 'patch', 'update'],
  binding: ['create'],
  eviction: ['create'],
  content: ['get', 'update'],
  log: ['get'],
  progress: ['get'],
  token: ['create'],
  tunnel: ['get'],
};

/** What a subresource is, where that is not the kind itself; by an eviction's kubectl drain knows it. */
const subresourceKinds: Readonly<Partial<Record<Subresource, Partial<GroupVersionKind>>>> = {
  binding: { kind: 'Binding' },
  eviction: { group: 'policy', version: 'v1', kind: 'Eviction' },
  scale: { group: 'autoscaling', version: 'v1', kind: 'Scale' },
};

interface GroupVersionKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

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
  return { kind: 'APIGroupList', apiVersion: 'v1', groups: groupsOf(kinds).map((name) => groupBody(kinds, name)) };
}

/** APIGroup of one group, or undefined. */
export function group(kinds: readonly KindInfo[], name: string): unknown {
  if (!groupsOf(kinds).includes(name)) return undefined;
  return { kind: 'APIGroup', apiVersion: 'v1', ...groupBody(kinds, name) };
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
      versions: versionsOf(kinds, name).map((own) => ({
        version: own,
        resources: kinds.filter((info) => info.group === name && info.version === own).map(aggregatedResource),
        freshness: 'Current',
      })),
    })),
  };
}

/** `/apis/G`, `/apis/G/V` of all groups but the core. */
export function groupPaths(kinds: readonly KindInfo[]): readonly string[] {
  return groupsOf(kinds).flatMap((name) => [
    `/apis/${name}`,
    ...versionsOf(kinds, name).map((version) => `/apis/${name}/${version}`),
  ]);
}

function groupsOf(kinds: readonly KindInfo[]): string[] {
  return [...new Set(kinds.map((info) => info.group))].filter((name) => name !== '');
}

/** The most preferred first. */
function versionsOf(kinds: readonly KindInfo[], group: string): string[] {
  const versions = new Set(kinds.filter((info) => info.group === group).map((info) => info.version));
  return [...versions].sort(compareVersions);
}

function groupBody(kinds: readonly KindInfo[], name: string) {
  const versions = versionsOf(kinds, name).map((version) => ({ groupVersion: `${name}/${version}`, version }));
  return { name, versions, preferredVersion: versions[0] };
}

function verbsOf({ definition, verbs: own = verbs }: KindInfo): readonly string[] {
  if (definition === undefined) return own;
  return definition.isTerminating ? terminatingVerbs : customVerbs;
}

function resourceBody(info: KindInfo) {
  const { categories = [] } = info;
  const id = `${info.group}/${info.storageVersion ?? info.version}/${info.kind}`;
  return {
    name: info.plural,
    singularName: info.singular,
    namespaced: info.scope === 'Namespaced',
    kind: info.kind,
    verbs: verbsOf(info),
    ...(info.shortNames.length === 0 ? {} : { shortNames: info.shortNames }),
    ...(categories.length === 0 ? {} : { categories }),
    // What is kept nowhere has no version in which it is.
    ...(verbsOf(info).includes('get')
      ? { storageVersionHash: createHash('sha256').update(id).digest().subarray(0, 8).toString('base64') }
      : {}),
  };
}

function subresourceBody(info: KindInfo, subresource: Subresource) {
  return {
    name: `${info.plural}/${subresource}`,
    singularName: '',
    namespaced: info.scope === 'Namespaced',
    kind: info.kind,
    ...subresourceKinds[subresource],
    verbs: subresourceVerbs[subresource],
  };
}

function aggregatedResource(info: KindInfo) {
  const { categories = [] } = info;
  const responseKind = { group: info.group, version: info.version, kind: info.kind };
  return {
    resource: info.plural,
    responseKind,
    scope: info.scope === 'Namespaced' ? 'Namespaced' : 'Cluster',
    singularResource: info.singular,
    verbs: verbsOf(info),
    ...(info.shortNames.length === 0 ? {} : { shortNames: info.shortNames }),
    ...(categories.length === 0 ? {} : { categories }),
    ...(info.subresources.length === 0
      ? {}
      : {
          subresources: info.subresources.map((name) => ({
            subresource: name,
            responseKind: { ...responseKind, ...subresourceKinds[name] },
            verbs: subresourceVerbs[name],
          })),
        }),
  };
}
