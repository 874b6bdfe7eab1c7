/** Who a request comes from. */
export interface User {
  readonly name: string;
  readonly groups: readonly string[];
}

/** Groups that the three fixed roles go by. */
export const wellKnownGroups = {
  masters: 'system:masters',
  controllers: 'runink:controllers',
  nodes: 'system:nodes',
} as const;

const nodePrefix = 'system:node:';

/** The node a user is, or undefined. */
export function nodeOf(user: User): string | undefined {
  if (!user.groups.includes(wellKnownGroups.nodes) || !user.name.startsWith(nodePrefix)) return undefined;
  const name = user.name.slice(nodePrefix.length);
  return name === '' ? undefined : name;
}
