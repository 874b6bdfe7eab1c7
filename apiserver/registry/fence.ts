// Writes of who leads by a Lease (apis/fence.ts): each compares the lease's epoch in its own transaction, so that what a
// deposed leader had under way, or does before it knows, changes nothing.
import { ApiError, type Fence, fenceHeader, kinds, readFence } from '../../apis/index.ts';
import type { Compare, Key, Operation, TxnResult } from '../../barn/index.ts';
import { epochKey } from '../storage/keys.ts';
import type { Registry } from './registry.ts';

/** A fence with the key that tells whether it stands. */
export interface KeyedFence extends Fence {
  readonly key: Key;
}

/** The fence that a request named, if it did. Errors: BadRequest, Conflict (there is no such herd). */
export async function fenceOf(registry: Registry, text: string | undefined): Promise<KeyedFence | undefined> {
  if (text === undefined) return undefined;
  const fence = readFence(text);
  if (fence === undefined)
    throw new ApiError('BadRequest', `header ${fenceHeader}: "${text}" is not NAMESPACE/NAME/HOLDER/TRANSITIONS`);
  // An old answer is good enough: a herd that was made anew has another uid, under which nobody finds an epoch.
  const herd = await registry.store.read(kinds.herds, undefined, fence.lease.namespace, { serializable: true });
  if (herd === undefined) throw notLeading(fence);
  return { ...fence, key: epochKey(herd.object.metadata.uid ?? '', fence.lease.name) };
}

/**
 * A transaction that also holds the fence to be true. Errors: Conflict when it is not; else what `success` and `failure`
 * found, as the store gives it.
 */
export async function fencedTxn(
  registry: Registry,
  fence: KeyedFence | undefined,
  compares: readonly Compare[],
  success: readonly Operation[],
  failure: readonly Operation[] = [],
): Promise<TxnResult> {
  if (fence === undefined) return registry.store.txn(compares, success, failure);
  const { key, epoch } = fence;
  const stands: Compare = { target: 'value', key, op: '=', value: new TextEncoder().encode(epoch) };
  const result = await registry.store.txn([...compares, stands], success, [...failure, { do: 'get', key }]);
  if (result.succeeded) return result;
  const held = result.results[failure.length];
  if (held === undefined || new TextDecoder().decode(held.value) !== epoch) throw notLeading(fence);
  return { ...result, results: result.results.slice(0, failure.length) };
}

/** It says the same of every lease, there or not: who may not read it learns nothing of its holder. */
function notLeading({ lease, epoch }: Fence): ApiError {
  const message = `nothing was done: lease ${lease.namespace}/${lease.name} is not held as ${epoch}`;
  return new ApiError('Conflict', message, { name: lease.name, group: kinds.leases.group, kind: kinds.leases.plural });
}
