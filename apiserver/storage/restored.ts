// What a restored store must not take over from the life that it goes back to. Pure, and the same for every member.
import { kinds, type Unstructured, wellKnown } from '../../apis/index.ts';
import type { KeyValue, Operation } from '../../barn/index.ts';
import { arrayOf, at, isRecord, recordOf, textOf } from '../json.ts';
import { epochKey, fenceKey, kindPrefix, partsOf } from './keys.ts';

/**
 * Takes the lead from who had it: what a leader remembers is of a time that the store has lost, so it begins anew, and what it
 * still has under way fails. Takes the fence of every node away: nothing is placed before the agents have said what they run
 * and ran meanwhile. Each change is one object and what goes with it.
 */
export function amendRestored(latest: readonly KeyValue[]): readonly (readonly Operation[])[] {
  return latest.flatMap(({ key, value }) => {
    if (key.startsWith(kindPrefix(kinds.leases))) return releaseOf(key, parse(value));
    return key.startsWith(kindPrefix(kinds.nodes)) ? fencedOf(key, parse(value)) : [];
  });
}

/** Node leases say who lives, and nobody leads by them: they count no transitions. */
function releaseOf(key: string, lease: Unstructured): Operation[][] {
  const { herdUid = '', name } = partsOf(key);
  const transitions = at(lease, 'spec.leaseTransitions');
  if (typeof transitions !== 'number') return [];
  const spec = { ...recordOf(lease.spec), holderIdentity: '', leaseTransitions: transitions + 1 };
  return [[put(key, { ...lease, spec }), { do: 'delete', key: epochKey(herdUid, name) }]];
}

function fencedOf(key: string, node: Unstructured): Operation[][] {
  const { name } = partsOf(key);
  const taints = arrayOf(at(node, 'spec.taints')).filter(
    (taint) => textOf(at(taint, 'key')) !== wellKnown.restoredTaint,
  );
  const conditions = arrayOf(at(node, 'status.conditions')).map((condition) =>
    isRecord(condition) && condition.type === 'Ready'
      ? {
          ...condition,
          status: 'Unknown',
          reason: 'StoreRestored',
          message: 'its agent was not heard since the store was restored',
        }
      : condition,
  );
  const { attempts: _former, ...status } = recordOf(node.status);
  const after = {
    ...node,
    spec: { ...recordOf(node.spec), taints: [...taints, { key: wellKnown.restoredTaint, effect: 'NoExecute' }] },
    status: { ...status, conditions },
  };
  return [[put(key, after), { do: 'delete', key: fenceKey(name) }]];
}

function put(key: string, object: Unstructured): Operation {
  return { do: 'put', key, value: Buffer.from(JSON.stringify(object)) };
}

function parse(value: Uint8Array): Unstructured {
  return JSON.parse(Buffer.from(value).toString()) as Unstructured;
}
