/** Who a request comes from. */
export interface User {
  readonly name: string;
  readonly groups: readonly string[];
  /** What tells users of one name apart over time, where the credential says it. */
  readonly uid?: string;
  /** What else an impersonation said. */
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

/** Groups that the fixed roles go by, and those that say whether a user is known at all. */
export const wellKnownGroups = {
  masters: 'system:masters',
  controllers: 'runink:controllers',
  nodes: 'system:nodes',
  authenticated: 'system:authenticated',
  unauthenticated: 'system:unauthenticated',
} as const;

/** Who asks without saying who. Nothing is allowed to it; it exists so that refusals read as in Kubernetes. */
export const anonymous: User = { name: 'system:anonymous', groups: [wellKnownGroups.unauthenticated] };

const nodePrefix = 'system:node:';
const viewersPrefix = 'runink:viewers:';

/** The user as one whose credential was good, in the group that Kubernetes puts all such in. */
export function authenticated(user: User): User {
  const { authenticated: group } = wellKnownGroups;
  return user.groups.includes(group) ? user : { ...user, groups: [...user.groups, group] };
}

/** The node a user is, or undefined. */
export function nodeOf(user: User): string | undefined {
  if (!user.groups.includes(wellKnownGroups.nodes) || !user.name.startsWith(nodePrefix)) return undefined;
  const name = user.name.slice(nodePrefix.length);
  return name === '' ? undefined : name;
}

/** The herds that a user may look at: those of its groups `runink:viewers:HERD`. */
export function viewedHerds(user: User): readonly string[] {
  return user.groups.flatMap((group) => {
    const herd = group.startsWith(viewersPrefix) ? group.slice(viewersPrefix.length) : '';
    return herd === '' ? [] : [herd];
  });
}
