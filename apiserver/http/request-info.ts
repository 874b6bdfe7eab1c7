// A URL is parsed once, into what it is about; nothing later looks at the URL again.
import type { KindInfo } from '../../apis/index.ts';
import type { Verb } from '../auth/attributes.ts';
import { subresourceVerbs } from '../discovery/discovery.ts';

/** A request for a resource: all that who-may is judged on. */
export interface ResourceRequest {
  readonly kind: 'resource';
  readonly verb: Verb;
  readonly info: KindInfo;
  readonly namespace?: string;
  readonly name?: string;
  readonly subresource?: string;
}

/** What a request is for, whatever its URL looked like. */
export type RequestInfo =
  | ResourceRequest
  | { readonly kind: 'path'; readonly path: string }
  | { readonly kind: 'unknown' }
  /** A user's kind has no such subresource. */
  | { readonly kind: 'noSubresource'; readonly info: KindInfo; readonly name: string }
  /** What is done to one object was asked of all. */
  | { readonly kind: 'unnamed' }
  /** `info` says of which kind, where the kind is why. */
  | { readonly kind: 'notAllowed'; readonly method: string; readonly info?: KindInfo };

/** Finds a kind by group, version and plural. */
export type KindLookup = (group: string, version: string, plural: string) => KindInfo | undefined;

/** What a request is about. Anything that is not exactly a known shape is unknown. */
export function parseRequest(method: string, path: string, query: URLSearchParams, kindOf: KindLookup): RequestInfo {
  const parts = segments(path);
  if (parts === undefined) return { kind: 'unknown' };
  const [root, ...rest] = parts;
  if (root === 'api' && rest.length >= 2) return resource(method, '', rest[0] ?? '', rest.slice(1), query, kindOf);
  if (root === 'apis' && rest.length >= 3) {
    return resource(method, rest[0] ?? '', rest[1] ?? '', rest.slice(2), query, kindOf);
  }
  return { kind: 'path', path: `/${parts.join('/')}` };
}

// Decoded one by one: an encoded slash is part of a name and then no name of ours.
function segments(path: string): string[] | undefined {
  if (!path.startsWith('/')) return undefined;
  if (path === '/') return [];
  const trimmed = path.length > 1 && path.endsWith('/') && !path.startsWith('/api') ? path.slice(0, -1) : path;
  const parts: string[] = [];
  for (const part of trimmed.slice(1).split('/')) {
    const decoded = decode(part);
    if (decoded === undefined || decoded === '' || decoded === '.' || decoded === '..') return undefined;
    parts.push(decoded);
  }
  return parts;
}

function decode(part: string): string | undefined {
  try {
    return decodeURIComponent(part);
  } catch {
    // Malformed percent-encoding names nothing.
    return undefined;
  }
}

function resource(
  method: string,
  group: string,
  version: string,
  parts: readonly string[],
  query: URLSearchParams,
  kindOf: KindLookup,
): RequestInfo {
  // namespaces/H/PLURAL… is in a herd; namespaces[/H[/SUB]] is about the Namespace itself.
  const isInHerd =
    parts[0] === 'namespaces' && parts.length >= 3 && kindOf(group, version, parts[2] ?? '') !== undefined;
  const namespace = isInHerd ? parts[1] : undefined;
  const [plural = '', name, subresource, ...more] = isInHerd ? parts.slice(2) : parts;
  const info = kindOf(group, version, plural);
  if (info === undefined || more.length > 0) return { kind: 'unknown' };
  if (info.scope === 'Cluster' && namespace !== undefined) return { kind: 'unknown' };
  if (info.scope === 'Namespaced' && namespace === undefined && name !== undefined) return { kind: 'unknown' };
  const own = info.subresources.find((known) => known === subresource);
  const isCustom = info.definition !== undefined;
  if (subresource !== undefined && own === undefined)
    return isCustom ? { kind: 'noSubresource', info, name: name ?? '' } : { kind: 'unknown' };
  // Of users' kinds Kubernetes looks at the body first: what is posted to a name is created, if it can be.
  if (isCustom && name === undefined && (method === 'PUT' || method === 'PATCH')) return { kind: 'unnamed' };
  const isPostToName = isCustom && method === 'POST' && subresource === undefined;
  const verb = isPostToName ? 'create' : verbOf(method, name, subresource, query);
  const isEverywhere = info.scope === 'Namespaced' && namespace === undefined;
  if (verb === undefined || (isEverywhere && verb !== 'list' && verb !== 'watch'))
    return { kind: 'notAllowed', method };
  if (own !== undefined && !subresourceVerbs[own].includes(verb)) return { kind: 'notAllowed', method };
  if (own === undefined && info.verbs?.includes(verb) === false) return { kind: 'notAllowed', method, info };
  return {
    kind: 'resource',
    verb,
    info,
    ...(namespace === undefined ? {} : { namespace }),
    ...(name === undefined || isPostToName ? {} : { name }),
    ...(subresource === undefined ? {} : { subresource }),
  };
}

function verbOf(
  method: string,
  name: string | undefined,
  subresource: string | undefined,
  query: URLSearchParams,
): Verb | undefined {
  const isOne = name !== undefined;
  switch (method) {
    case 'GET':
      if (isOne) return 'get';
      return isTrue(query.get('watch')) ? 'watch' : 'list';
    case 'POST':
      return isOne === (subresource !== undefined) ? 'create' : undefined;
    case 'PUT':
      return isOne ? 'update' : undefined;
    case 'PATCH':
      return isOne ? 'patch' : undefined;
    case 'DELETE':
      if (subresource !== undefined) return undefined;
      return isOne ? 'delete' : 'deletecollection';
    default:
      return undefined;
  }
}

/** A query parameter as Kubernetes reads booleans: absent, 0 and false are false. */
export function isTrue(value: string | null): boolean {
  return value !== null && value !== '0' && value.toLowerCase() !== 'false';
}
