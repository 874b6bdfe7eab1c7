// What a node may make of itself shows only in the result of a write, whatever way the body says it.
import { ApiError, kinds, type Unstructured } from '../../apis/index.ts';
import { at, jsonEqual } from '../json.ts';
import type { Target } from '../registry/registry.ts';
import { nodeOf, type User } from './user.ts';

/** Looks at an object before it is written; `before` is undefined for a create. Errors: Forbidden. */
export type WriteGuard = (after: Unstructured, before: Unstructured | undefined) => void;

/**
 * Refuses a node that creates a Node or Lease of another name, or changes its own taints or cordon: else a node that
 * was put aside could take itself back. Undefined when there is nothing to look at.
 */
export function nodeGuard(user: User, target: Target): WriteGuard | undefined {
  const node = nodeOf(user);
  const { info } = target;
  if (node === undefined || (info !== kinds.nodes && info !== kinds.leases)) return undefined;
  return (after, before) => {
    if (before === undefined) {
      if (after.metadata.name !== node) throw refusal(user, target, `a node may create only its own, "${node}"`);
      return;
    }
    const isSame = ['spec.taints', 'spec.unschedulable'].every((path) => jsonEqual(at(after, path), at(before, path)));
    if (!isSame) throw refusal(user, target, 'a node may not change its spec.taints or spec.unschedulable');
  };
}

function refusal(user: User, target: Target, why: string): ApiError {
  const { plural, group } = target.info;
  return new ApiError('Forbidden', `${plural} "${target.name ?? ''}" is forbidden: User "${user.name}": ${why}`, {
    ...(group === '' ? {} : { group }),
    kind: plural,
  });
}
