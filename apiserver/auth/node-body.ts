// What a node may say about itself depends on the body, which is read after the request was authorised.
import { ApiError, kinds, type Unstructured } from '../../apis/index.ts';
import { at, isRecord, jsonEqual, recordOf } from '../json.ts';
import type { Target } from '../registry/registry.ts';
import { nodeOf, type User } from './user.ts';

/**
 * Refuses a node that creates a Node or Lease of another name, or changes its own taints or cordon: else a node that
 * was put aside could take itself back. Errors: Forbidden.
 */
export function checkNodeBody(user: User, target: Target, body: unknown, stored: Unstructured | undefined): void {
  const node = nodeOf(user);
  if (node === undefined) return;
  const { info } = target;
  if (info !== kinds.nodes && info !== kinds.leases) return;
  if (stored === undefined) {
    if (at(body, 'metadata.name') !== node) throw refusal(user, target, `a node may create only its own, "${node}"`);
    return;
  }
  const spec = isRecord(body) ? body.spec : undefined;
  if (spec === undefined || info !== kinds.nodes) return;
  const wanted = recordOf(spec);
  const had = recordOf(stored.spec);
  const isSame = isRecord(spec) && ['taints', 'unschedulable'].every((key) => jsonEqual(wanted[key], had[key]));
  if (!isSame) throw refusal(user, target, 'a node may not change its spec.taints or spec.unschedulable');
}

function refusal(user: User, target: Target, why: string): ApiError {
  const { plural, group } = target.info;
  return new ApiError('Forbidden', `${plural} "${target.name ?? ''}" is forbidden: User "${user.name}": ${why}`, {
    ...(group === '' ? {} : { group }),
    kind: plural,
  });
}
