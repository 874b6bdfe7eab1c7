// Acting as another (https://kubernetes.io/docs/reference/access-authn-authz/authentication/#user-impersonation): headers
// that a cluster admin may send, and nobody else.
import type { IncomingMessage } from 'node:http';
import { ApiError } from '../../apis/index.ts';
import { type AskedKind, forbiddenError } from './attributes.ts';
import { anonymous, type User, wellKnownGroups } from './user.ts';

const prefix = 'impersonate-';
const extraPrefix = 'impersonate-extra-';
const accountPrefix = 'system:serviceaccount:';

interface Wanted {
  readonly resource: AskedKind;
  readonly name: string;
  readonly namespace?: string;
  readonly subresource?: string;
}

/** The user that a request acts as: the one it comes from, unless its headers say otherwise. Errors: Forbidden, BadRequest. */
export function actingUser(user: User, request: Pick<IncomingMessage, 'headers' | 'headersDistinct'>): User {
  // Nearly no request has any, and every request passes here.
  if (!Object.keys(request.headers).some((name) => name.startsWith(prefix))) return user;
  const distinct = request.headersDistinct;
  const name = distinct['impersonate-user']?.[0] ?? '';
  const uid = distinct['impersonate-uid']?.[0] ?? '';
  const groups = distinct['impersonate-group'] ?? [];
  const extra = extraOf(distinct);
  if (name === '') throw new ApiError('BadRequest', 'requested groups, uid or extra without impersonating a user');
  const wanted: readonly Wanted[] = [
    wantedUser(name),
    ...groups.map((group) => ({ resource: named('', 'groups'), name: group })),
    ...(uid === '' ? [] : [{ resource: named('authentication.k8s.io', 'uids'), name: uid }]),
    ...Object.entries(extra).flatMap(([key, values]) =>
      values.map((value) => ({
        resource: named('authentication.k8s.io', 'userextras'),
        name: value,
        subresource: key,
      })),
    ),
  ];
  const [first] = wanted;
  // All of it is the cluster admin's alone, so that the first is refused when any is.
  if (!user.groups.includes(wellKnownGroups.masters) && first !== undefined) {
    const { resource: info, ...about } = first;
    throw forbiddenError({ user, verb: 'impersonate', info, fields: [], ...about });
  }
  return {
    name,
    groups: groupsOf(name, groups),
    ...(uid === '' ? {} : { uid }),
    ...(Object.keys(extra).length === 0 ? {} : { extra }),
  };
}

function wantedUser(name: string): Wanted {
  const [namespace = '', account = '', ...more] = name.startsWith(accountPrefix)
    ? name.slice(accountPrefix.length).split(':')
    : [];
  if (namespace === '' || account === '' || more.length > 0) return { resource: named('', 'users'), name };
  return { resource: named('', 'serviceaccounts'), name: account, namespace };
}

function groupsOf(name: string, given: readonly string[]): readonly string[] {
  const { authenticated, unauthenticated } = wellKnownGroups;
  if (name === anonymous.name) return given.length === 0 ? anonymous.groups : given;
  const { namespace, resource } = wantedUser(name);
  const isAccount = resource.plural === 'serviceaccounts' && namespace !== undefined;
  const groups =
    isAccount && given.length === 0 ? ['system:serviceaccounts', `system:serviceaccounts:${namespace}`] : given;
  return groups.includes(authenticated) || groups.includes(unauthenticated) ? groups : [...groups, authenticated];
}

function extraOf(distinct: NodeJS.Dict<string[]>): Record<string, readonly string[]> {
  const keys = Object.keys(distinct).filter((header) => header.startsWith(extraPrefix));
  return Object.fromEntries(keys.map((header) => [keyOf(header), distinct[header] ?? []]));
}

// Headers know no upper case; the key may be percent-encoded.
function keyOf(header: string): string {
  const key = header.slice(extraPrefix.length);
  try {
    return decodeURIComponent(key);
  } catch {
    return key;
  }
}

function named(group: string, plural: string): AskedKind {
  return { group, plural, kind: '', scope: 'Cluster' };
}
