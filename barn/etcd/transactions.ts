// A transaction of the door as etcd's, and etcd's answer as the door's.
import { present } from '../../base/index.ts';
import type { Compare, Key, KeyValue, Operation, TxnResult } from '../barn.ts';
import type { KeySpace } from './key-space.ts';
import {
  type EtcdCompare,
  type EtcdOperation,
  type EtcdRangeResult,
  type EtcdTxnResult,
  encodeTxn,
} from './kv-messages.ts';

/** A transaction ready to be sent, in memory of its own. */
export interface PreparedTxn {
  readonly request: Buffer;
  readonly keys: ReadonlySet<Key>;
  readonly onlyReads: boolean;
  /** What etcd's answer means; `changed`: it made a revision. */
  answer(result: EtcdTxnResult): { readonly result: TxnResult; readonly changed: boolean };
}

/** Copies what it is given, which has been checked. */
export function prepareTxn(
  space: KeySpace,
  compares: readonly Compare[],
  success: readonly Operation[],
  failure: readonly Operation[],
): PreparedTxn {
  const branches = { success: success.map(owned), failure: failure.map(owned) };
  const there = (operation: Operation): EtcdOperation => etcdOperation(space, operation);
  return {
    request: encodeTxn(
      compares.map((compare) => etcdCompare(space, compare)),
      branches.success.map(there),
      branches.failure.map(there),
    ),
    keys: new Set([...compares, ...success, ...failure].map(({ key }) => key)),
    onlyReads: [...success, ...failure].every(({ do: verb }) => verb === 'get'),
    answer(answer) {
      const operations = answer.succeeded ? branches.success : branches.failure;
      const revision = space.here(answer.revision);
      let changed = false;
      const results = operations.map((operation, index) => {
        const response = present(answer.responses[index], 'an answer to an operation');
        changed ||= operation.do === 'put' || (operation.do === 'delete' && response.items.length > 0);
        return resultOf(space, operation, response, revision);
      });
      return { result: { succeeded: answer.succeeded, revision, results }, changed };
    },
  };
}

function owned(operation: Operation): Operation {
  return operation.do === 'put' ? { ...operation, value: new Uint8Array(operation.value) } : operation;
}

function etcdCompare(space: KeySpace, compare: Compare): EtcdCompare {
  const key = space.key(compare.key);
  switch (compare.target) {
    case 'value':
    case 'version':
      return { ...compare, key };
    default:
      return { ...compare, key, number: space.compared(compare.number) };
  }
}

function etcdOperation(space: KeySpace, operation: Operation): EtcdOperation {
  const key = space.key(operation.key);
  switch (operation.do) {
    case 'get':
      return { do: 'range', range: { key } };
    case 'put':
      return { do: 'put', key, value: operation.value };
    default:
      return { do: 'delete', key };
  }
}

/** etcd answers a put with what was there before only. */
function resultOf(
  space: KeySpace,
  operation: Operation,
  { items }: EtcdRangeResult,
  revision: number,
): KeyValue | undefined {
  const [found] = items;
  const kv = found === undefined ? undefined : space.kv(found);
  if (operation.do !== 'put') return kv;
  return {
    key: operation.key,
    value: operation.value,
    createRevision: kv?.createRevision ?? revision,
    modRevision: revision,
    version: (kv?.version ?? 0) + 1,
  };
}
