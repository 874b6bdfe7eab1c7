// POST slices/NAME/binding: one transaction compares the slice, its herd, the node's fence and the scheduler's epoch, so that a
// scheduler that was deposed or has not seen a node go cannot place anything (docs/wiring.md).
import { ApiError, kinds, resourceOf, type Status, subdomainProblem, wellKnown } from '../../apis/index.ts';
import type { Compare, KeyValue } from '../../barn/index.ts';
import { at, recordOf, textOf } from '../json.ts';
import * as cause from '../schema/causes.ts';
import { epochKey, fenceKey, openKey } from '../storage/keys.ts';
import { fencedTxn } from './fence.ts';
import { herdIsGoing } from './going.ts';
import { type Registry, readTarget, type Target, type WriteOptions } from './registry.ts';
import { conflict } from './update.ts';

/** Binds a slice to a node. Errors: Invalid, NotFound, Conflict (a message says what did not hold), Forbidden (the herd is going). */
export async function bind(
  registry: Registry,
  target: Target,
  body: unknown,
  options: Pick<WriteOptions, 'dryRun' | 'fence'>,
): Promise<Status> {
  const binding = readBinding(target, body);
  const stored = await readTarget(registry, target);
  if (binding.resourceVersion !== String(stored.revision)) throw conflict(target);
  const slice = stored.object;
  if (slice.metadata.deletionTimestamp !== undefined) throw refused(target, 'it is being deleted');
  const bound = textOf(at(slice, 'spec.nodeName'));
  if (bound !== undefined) throw refused(target, `it is already bound to node "${bound}"`);
  const after = { ...slice, spec: { ...recordOf(slice.spec), nodeName: binding.node } };
  const epoch = await schedulerEpochKey(registry);
  const fence = fenceKey(binding.node);
  const open = openKey(stored.herdUid ?? '');
  const compares: Compare[] = [
    { target: 'mod', key: stored.key, op: '=', number: stored.revision },
    { target: 'version', key: open, op: '>', number: 0 },
    { target: 'version', key: fence, op: '>', number: 0 },
    { target: 'value', key: epoch, op: '=', value: new TextEncoder().encode(binding.epoch) },
  ];
  const write = options.dryRun
    ? []
    : [{ do: 'put' as const, key: stored.key, value: registry.store.encode(after, stored.key) }];
  const result = await fencedTxn(registry, options.fence, compares, write, [
    { do: 'get', key: stored.key },
    { do: 'get', key: fence },
    { do: 'get', key: epoch },
    { do: 'get', key: open },
  ]);
  if (!result.succeeded) throw whyNot(target, binding, stored.revision, result.results);
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 };
}

interface Binding {
  readonly node: string;
  readonly resourceVersion: string;
  readonly epoch: string;
}

function readBinding(target: Target, body: unknown): Binding {
  const fields = recordOf(body);
  const node = textOf(at(fields, 'target.name')) ?? '';
  const resourceVersion = textOf(at(fields, 'metadata.resourceVersion')) ?? '';
  const epoch = textOf(fields.epoch) ?? '';
  const problems = [
    ...(fields.kind === 'Binding' ? [] : [cause.invalid('kind', fields.kind, 'must be Binding')]),
    ...(subdomainProblem(node) === undefined ? [] : [cause.required('target.name', 'the name of a node')]),
    ...(resourceVersion === '' ? [cause.required('metadata.resourceVersion', 'the version that was decided on')] : []),
    ...(epoch === '' ? [cause.required('epoch', 'HOLDER/TRANSITIONS of the lease runink-scheduler')] : []),
  ];
  if (problems.length === 0) return { node, resourceVersion, epoch };
  throw cause.invalidError({ group: kinds.slices.group, kind: 'Binding' }, target.name ?? '', problems);
}

async function schedulerEpochKey(registry: Registry): Promise<string> {
  const herd = await registry.store.herd(wellKnown.systemHerd);
  return epochKey(herd?.object.metadata.uid ?? '', wellKnown.schedulerLease);
}

function whyNot(
  target: Target,
  binding: Binding,
  revision: number,
  found: readonly (KeyValue | undefined)[],
): ApiError {
  const [slice, fence, epoch, open] = found;
  if (slice === undefined || slice.modRevision !== revision) return conflict(target);
  if (open === undefined) return herdIsGoing(target);
  if (fence === undefined)
    return refused(target, `node "${binding.node}" takes no slices: it is gone or tainted NoExecute`);
  const stored = epoch === undefined ? 'nobody' : new TextDecoder().decode(epoch.value);
  return refused(target, `the scheduler's epoch is ${stored}, not ${binding.epoch}`);
}

function refused(target: Target, why: string): ApiError {
  return new ApiError(
    'Conflict',
    `Operation cannot be fulfilled on ${resourceOf(target.info)} "${target.name ?? ''}": ${why}`,
    { name: target.name ?? '', group: target.info.group, kind: target.info.plural },
  );
}
