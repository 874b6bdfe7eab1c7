// What an error of a call to etcd means for the Barn's caller. etcd's own refusals are known by their text only
// (https://pkg.go.dev/go.etcd.io/etcd/etcdserver/api/v3rpc/rpctypes).
import { type ServiceError, status } from '@grpc/grpc-js';
import { BarnError, type BarnReason } from '../barn.ts';

/**
 * refused: etcd said no, for good. untaken: it was certainly not done, and somebody else may do it. lost: nobody knows
 * whether it was done.
 */
export type CallFault =
  | { readonly kind: 'refused'; readonly error: BarnError }
  | { readonly kind: 'untaken'; readonly why: string }
  | { readonly kind: 'lost'; readonly why: string };

const refusals: readonly (readonly [text: string, reason: BarnReason])[] = [
  ['mvcc: required revision has been compacted', 'Compacted'],
  ['mvcc: required revision is a future revision', 'FutureRevision'],
  ['mvcc: database space exceeded', 'NoSpace'],
  ['request is too large', 'TooLarge'],
  ['too many operations', 'TooLarge'],
  ['message larger than max', 'TooLarge'],
  ['duplicate key given', 'DuplicateKey'],
  ['too many requests', 'Overloaded'],
  ['corrupt cluster', 'Corrupt'],
];

/** Said before etcd does anything: the call asked for a member that has a leader. Or there was no connection to ask over. */
const untaken: readonly string[] = ['etcdserver: no leader', 'No connection established'];

const finalCodes: ReadonlySet<status> = new Set([
  status.INVALID_ARGUMENT,
  status.PERMISSION_DENIED,
  status.UNAUTHENTICATED,
  status.UNIMPLEMENTED,
  status.FAILED_PRECONDITION,
]);

/** Sorts an error of gRPC; `doing` says what was asked for. */
export function faultOf(error: ServiceError, doing: string): CallFault {
  const { details } = error;
  for (const [text, reason] of refusals)
    if (details.includes(text))
      return { kind: 'refused', error: new BarnError(reason, `${doing}: etcd refused: ${details}`, { cause: error }) };
  if (untaken.some((text) => details.includes(text))) return { kind: 'untaken', why: details };
  if (finalCodes.has(error.code))
    return { kind: 'refused', error: new BarnError('Storage', `${doing}: etcd refused: ${details}`, { cause: error }) };
  return { kind: 'lost', why: details };
}
