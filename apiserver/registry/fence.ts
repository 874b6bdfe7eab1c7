// Writes of who leads by a Lease (apis/fence.ts): each compares the lease's epoch in its own transaction, so that what a
// deposed leader had under way, or does before it knows, changes nothing.
import { ApiError, type Fence, fenceHeader, type KindInfo, kinds, readFence } from '../../apis/index.ts';
import type { Compare, Key, Operation, TxnResult } from '../../barn/index.ts';
import { definitionKey, epochKey } from '../storage/keys.ts';
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
 * A write of a user's kind was made by a definition that is no longer the stored one: nothing was done, and it is to be made
 * again by the one that is.
 */
export class StaleDefinition extends Error {
  override readonly name = 'StaleDefinition';
}

interface Guard {
  readonly compare: Compare;
  readonly key: Key;
  readonly holds: (value: string | undefined) => boolean;
  readonly refusal: () => Error;
}

/**
 * A transaction that also holds the fence and the kind's definition to be true. Errors: Conflict when the fence is not,
 * StaleDefinition; else what `success` and `failure` found, as the store gives it.
 */
export async function fencedTxn(
  registry: Registry,
  fence: KeyedFence | undefined,
  compares: readonly Compare[],
  success: readonly Operation[],
  failure: readonly Operation[] = [],
  info?: KindInfo,
): Promise<TxnResult> {
  const guards = [
    ...(fence === undefined ? [] : [guard(fence.key, fence.epoch, () => notLeading(fence))]),
    ...(info?.definition === undefined
      ? []
      : [
          guard(
            definitionKey(info.definition.uid),
            String(info.definition.generation),
            () => new StaleDefinition(`${info.plural}.${info.group} is defined otherwise by now`),
          ),
        ]),
  ];
  if (guards.length === 0) return registry.store.txn(compares, success, failure);
  const result = await registry.store.txn([...compares, ...guards.map(({ compare }) => compare)], success, [
    ...failure,
    ...guards.map(({ key }): Operation => ({ do: 'get', key })),
  ]);
  if (result.succeeded) return result;
  for (const [index, { holds, refusal }] of guards.entries()) {
    const found = result.results[failure.length + index];
    if (!holds(found === undefined ? undefined : new TextDecoder().decode(found.value))) throw refusal();
  }
  return { ...result, results: result.results.slice(0, failure.length) };
}

function guard(key: Key, wanted: string, refusal: () => Error): Guard {
  const compare: Compare = { target: 'value', key, op: '=', value: new TextEncoder().encode(wanted) };
  return { compare, key, holds: (value) => value === wanted, refusal };
}

/** It says the same of every lease, there or not: who may not read it learns nothing of its holder. */
function notLeading({ lease, epoch }: Fence): ApiError {
  const message = `nothing was done: lease ${lease.namespace}/${lease.name} is not held as ${epoch}`;
  return new ApiError('Conflict', message, { name: lease.name, group: kinds.leases.group, kind: kinds.leases.plural });
}
