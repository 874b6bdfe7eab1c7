// Four fixed roles until RBAC: cluster admin, controllers, node, and viewer of a herd. Whatever no role allows is denied.
import { kinds } from '../../apis/index.ts';
import { type Attributes, forbiddenError } from './attributes.ts';
import { type NodeLookups, nodeRefusal } from './node-role.ts';
import { nodeOf, type User, viewedHerds, wellKnownGroups } from './user.ts';
import { viewerMay } from './viewer-role.ts';

/** Whether something may be done, and if not why, where there is more to say than that. */
export type Decision = { readonly allowed: true } | { readonly allowed: false; readonly why?: string };

const yes: Decision = { allowed: true };

/** Resolves if the request may go on. Errors: Forbidden. */
export async function authorise(attributes: Attributes, lookups: NodeLookups): Promise<void> {
  const decision = await decide(attributes, lookups);
  if (!decision.allowed) throw forbiddenError(attributes, decision.why);
}

/** Whether a request may go on. */
export async function decide(attributes: Attributes, lookups: NodeLookups): Promise<Decision> {
  const { user } = attributes;
  const { groups } = user;
  if (groups.includes(wellKnownGroups.masters)) return yes;
  if (groups.includes(wellKnownGroups.authenticated) && isAboutOneself(attributes)) return yes;
  if (groups.includes(wellKnownGroups.controllers)) return unless(controllersRefusal(attributes));
  if (viewerMay(viewedHerds(user), attributes)) return yes;
  const node = nodeOf(user);
  return node === undefined ? { allowed: false } : unless(await nodeRefusal(node, attributes, lookups));
}

function unless(why: string | undefined): Decision {
  return why === undefined ? yes : { allowed: false, why };
}

/** Paths without a resource that everybody who is known may get, as in Kubernetes; `/*` stands for all below. */
export const publicPaths = [
  '/api',
  '/api/*',
  '/apis',
  '/apis/*',
  '/healthz',
  '/livez',
  '/openapi',
  '/openapi/*',
  '/readyz',
  '/version',
  '/version/',
] as const;
/** What the controllers may get beside that. */
export const controllersPaths = ['/metrics'] as const;

/** Whether a user may do this to a path that is about no resource. */
export function pathAllowed({ groups }: User, verb: string, path: string): boolean {
  if (groups.includes(wellKnownGroups.masters)) return true;
  if (verb !== 'get' && verb !== 'head') return false;
  const within = (patterns: readonly string[]) =>
    patterns.some((pattern) => (pattern.endsWith('/*') ? path.startsWith(pattern.slice(0, -1)) : path === pattern));
  if (groups.includes(wellKnownGroups.controllers) && within(controllersPaths)) return true;
  return groups.includes(wellKnownGroups.authenticated) && within(publicPaths);
}

/** Whether a user sees secrets without what is in them. */
export function seesOnlyMetadata(attributes: Pick<Attributes, 'user' | 'info'>): boolean {
  const { groups } = attributes.user;
  return (
    attributes.info === kinds.secrets &&
    groups.includes(wellKnownGroups.controllers) &&
    !groups.includes(wellKnownGroups.masters)
  );
}

/** Reviews in which one asks about oneself, by group and plural. */
export const reviewsOfOneself: Readonly<Record<string, readonly string[]>> = {
  'authorization.k8s.io': ['selfsubjectaccessreviews', 'selfsubjectrulesreviews'],
  'authentication.k8s.io': ['selfsubjectreviews'],
};

function isAboutOneself({ verb, info, subresource }: Attributes): boolean {
  const own = reviewsOfOneself[info.group]?.includes(info.plural) === true;
  return verb === 'create' && own && subresource === undefined;
}

// Controllers do everything but know secrets: of those they see metadata (whether one exists, its owners), may delete
// them, and may change metadata by a merge patch, which can copy nothing out.
function controllersRefusal({ verb, info, mediaType, subresource }: Attributes): string | undefined {
  if (info === kinds.nodes && subresource === 'tunnel') return 'the tunnel is the node’s own';
  // A review of everything asks about secrets too, and one of acting as another about what that one may.
  const isSecrets = info === kinds.secrets || (info.plural === '*' && (info.group === '' || info.group === '*'));
  if (!isSecrets) return verb === 'impersonate' ? 'only cluster admins act as others' : undefined;
  if (verb === 'get' || verb === 'list' || verb === 'watch' || verb === 'delete' || verb === 'deletecollection') {
    return info === kinds.secrets ? undefined : 'controllers see only the metadata of secrets';
  }
  if (verb === 'patch' && mediaType === 'application/merge-patch+json' && info === kinds.secrets) return undefined;
  return 'controllers see and change only the metadata of secrets';
}
