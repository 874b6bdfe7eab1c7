// Three fixed roles until RBAC: cluster admin, controllers, node. Whatever no role allows is denied.
import { kinds } from '../../apis/index.ts';
import { type Attributes, forbiddenError } from './attributes.ts';
import { type NodeLookups, nodeRefusal } from './node-role.ts';
import { nodeOf, wellKnownGroups } from './user.ts';

/** Resolves if the request may go on. Errors: Forbidden. */
export async function authorise(attributes: Attributes, lookups: NodeLookups): Promise<void> {
  const { groups } = attributes.user;
  if (groups.includes(wellKnownGroups.masters)) return;
  if (groups.includes(wellKnownGroups.controllers)) {
    const why = controllersRefusal(attributes);
    if (why === undefined) return;
    throw forbiddenError(attributes, why);
  }
  const node = nodeOf(attributes.user);
  if (node === undefined) throw forbiddenError(attributes);
  const why = await nodeRefusal(node, attributes, lookups);
  if (why !== undefined) throw forbiddenError(attributes, why);
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

// Controllers do everything but know secrets: of those they see metadata (whether one exists, its owners), may delete
// them, and may change metadata by a merge patch, which can copy nothing out.
function controllersRefusal({ verb, info, mediaType, subresource }: Attributes): string | undefined {
  if (info === kinds.nodes && subresource === 'tunnel') return 'the tunnel is the node’s own';
  if (info !== kinds.secrets) return undefined;
  if (verb === 'get' || verb === 'list' || verb === 'watch' || verb === 'delete' || verb === 'deletecollection') {
    return undefined;
  }
  if (verb === 'patch' && mediaType === 'application/merge-patch+json') return undefined;
  return 'controllers see and change only the metadata of secrets';
}
