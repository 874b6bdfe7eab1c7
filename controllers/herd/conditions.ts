// What stands in the way of a herd that ends, in the words that Kubernetes has for a Namespace, so that `kubectl describe
// namespace` and people who know them find what is left. Pure.
import type { Condition } from '../../apis/index.ts';
import type { Leftover } from './plan.ts';

/** What a look into a herd that ends has shown. */
export interface Account {
  readonly left: readonly Leftover[];
  /** Why it is not known which kinds there are. */
  readonly undiscovered: string | undefined;
  /** Why objects could not be deleted. */
  readonly failures: readonly string[];
  /** Nodes whose agents have yet to say that slices have ended. */
  readonly nodes: readonly string[];
}

interface Finding {
  readonly type: string;
  readonly good: readonly [reason: string, message: string];
  /** Undefined when there is nothing to tell. */
  readonly bad: readonly [reason: string, message: string] | undefined;
}

/** The conditions of a herd after a look into it; undefined when they say already what is to be said. */
export function conditionsAfter(
  before: readonly Condition[],
  account: Account,
  now: string,
): readonly Condition[] | undefined {
  const next = findings(account).map(({ type, good, bad }): Condition => {
    const [reason, message] = bad ?? good;
    const status = bad === undefined ? 'False' : 'True';
    const old = before.find((one) => one.type === type);
    if (old?.status === status && old.reason === reason && old.message === message) return old;
    const lastTransitionTime = old?.status === status ? (old.lastTransitionTime ?? now) : now;
    return { type, status, reason, message, lastTransitionTime };
  });
  if (next.every((one) => before.includes(one))) return undefined;
  return [...before.filter(({ type }) => !next.some((one) => one.type === type)), ...next];
}

function findings({ left, undiscovered, failures, nodes }: Account): readonly Finding[] {
  const remaining = left
    .filter(({ count }) => count > 0)
    .map(({ kind, count }) => `${kind.plural}.${kind.group} has ${count} resource instances`)
    .sort();
  const counts = new Map<string, number>();
  for (const { finalizers } of left)
    for (const [name, count] of finalizers) counts.set(name, (counts.get(name) ?? 0) + count);
  const finalizers = [...counts].map(([name, count]) => `${name} in ${count} resource instances`).sort();
  const agents = nodes.length === 0 ? '' : `; slices have yet to end on ${nodes.join(', ')}`;
  const removed = ['ContentRemoved', 'All content successfully removed'] as const;
  return [
    {
      type: 'NamespaceDeletionDiscoveryFailure',
      good: ['ResourcesDiscovered', 'All resources successfully discovered'],
      bad: undiscovered === undefined ? undefined : ['DiscoveryFailed', undiscovered],
    },
    {
      type: 'NamespaceDeletionContentFailure',
      good: ['ContentDeleted', 'All content successfully deleted, may be waiting on finalization'],
      bad:
        failures.length === 0
          ? undefined
          : [
              'ContentDeletionFailed',
              `Failed to delete all resource types, ${failures.length} remaining: ${[...failures].sort().join(', ')}`,
            ],
    },
    {
      type: 'NamespaceContentRemaining',
      good: removed,
      bad:
        remaining.length === 0
          ? undefined
          : ['SomeResourcesRemain', `Some resources are remaining: ${remaining.join(', ')}${agents}`],
    },
    {
      type: 'NamespaceFinalizersRemaining',
      good: removed,
      bad:
        finalizers.length === 0
          ? undefined
          : ['SomeFinalizerRemain', `Some finalizers are remaining: ${finalizers.join(', ')}`],
    },
  ];
}
