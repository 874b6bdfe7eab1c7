import { ApiError, kinds, resourceOf, type Status, type Unstructured } from '../../apis/index.ts';
import { arrayOf, jsonEqual } from '../json.ts';
import { storedKind } from '../storage/keys.ts';
import { type Stored, show, withVersion } from '../storage/object-store.ts';
import { fencedTxn, type KeyedFence } from './fence.ts';
import { countedTxn, leaving } from './quota.ts';
import { type Registry, readTarget, type Target, timestamp } from './registry.ts';
import { strategyOf } from './strategy.ts';
import { conflict } from './update.ts';

/** How an object is deleted, and what must hold of it. */
export interface DeleteOptions {
  readonly dryRun: boolean;
  readonly propagationPolicy?: 'Background' | 'Foreground' | 'Orphan';
  readonly uid?: string;
  readonly resourceVersion?: string;
  /** Kept with a slice that must first end; everything else goes at once or waits for finalizers. */
  readonly gracePeriodSeconds?: number;
  /** What must hold of the writer's lead. */
  readonly fence?: KeyedFence;
}

/** What became of an object that was to be deleted. */
export type Deleted =
  | { readonly kind: 'gone'; readonly status: Status; readonly object: Unstructured }
  /** It stays, marked, until its finalizers or its agent let it go. */
  | { readonly kind: 'marked'; readonly object: Unstructured };

/** Removes an object, or marks it for removal. Errors: NotFound, Conflict (preconditions), Forbidden (herds of ours). */
export async function remove(registry: Registry, target: Target, options: DeleteOptions): Promise<Deleted> {
  refuseOurHerds(target);
  for (let attempt = 0; attempt <= registry.limits.conflictRetriesMax; attempt++) {
    const stored = await readTarget(registry, target);
    const before = registry.store.reveal(stored);
    const current = show(target.info, before);
    checkPreconditions(target, options, current, stored);
    const finalizers = withPolicy(before.metadata.finalizers ?? [], options.propagationPolicy);
    const strategy = strategyOf(storedKind(target.info));
    const goes = finalizers.length === 0 && (strategy.mayGo?.(before) ?? true);
    const done = goes
      ? await erase(registry, target, stored, before, options)
      : await mark(registry, target, stored, before, finalizers, options);
    if (done !== undefined) return done;
  }
  throw conflict(target);
}

async function erase(
  registry: Registry,
  target: Target,
  stored: Stored,
  before: Unstructured,
  options: DeleteOptions,
): Promise<Deleted | undefined> {
  const current = show(target.info, before);
  const strategy = strategyOf(storedKind(target.info));
  const beside = strategy.beside?.({ herdUid: stored.herdUid, before, after: undefined }) ?? [];
  if (options.dryRun) return { kind: 'gone', status: gone(target, current), object: current };
  const result = await countedTxn(registry, leaving(target, stored), {
    fence: options.fence,
    compares: [{ target: 'mod', key: stored.key, op: '=', number: stored.revision }],
    success: [{ do: 'delete', key: stored.key }, ...beside],
    failure: [],
  });
  if (!result.succeeded) return undefined;
  return { kind: 'gone', status: gone(target, current), object: withVersion(current, result.revision) };
}

async function mark(
  registry: Registry,
  target: Target,
  stored: Stored,
  before: Unstructured,
  finalizers: readonly string[],
  options: DeleteOptions,
): Promise<Deleted | undefined> {
  const isMarked = before.metadata.deletionTimestamp !== undefined;
  if (isMarked && jsonEqual(finalizers, before.metadata.finalizers ?? [])) {
    return { kind: 'marked', object: show(target.info, before) };
  }
  const strategy = strategyOf(storedKind(target.info));
  const { generation } = before.metadata;
  const graceSeconds = storedKind(target.info) === kinds.slices ? (options.gracePeriodSeconds ?? 0) : 0;
  const { finalizers: _old, ...metadata } = before.metadata;
  const bare: Unstructured = {
    ...before,
    metadata: {
      ...metadata,
      ...(finalizers.length === 0 ? {} : { finalizers }),
      ...(isMarked
        ? {}
        : {
            deletionTimestamp: timestamp(registry.clock, graceSeconds),
            deletionGracePeriodSeconds: graceSeconds,
            ...(generation === undefined ? {} : { generation: generation + 1 }),
          }),
    },
  };
  const after = strategy.onDelete?.(bare) ?? bare;
  if (options.dryRun) return { kind: 'marked', object: show(target.info, after) };
  const beside = strategy.beside?.({ herdUid: stored.herdUid, before, after }) ?? [];
  const result = await fencedTxn(
    registry,
    options.fence,
    [{ target: 'mod', key: stored.key, op: '=', number: stored.revision }],
    [{ do: 'put', key: stored.key, value: registry.store.encode(after, stored.key) }, ...beside],
    [],
    target.info,
  );
  return result.succeeded
    ? { kind: 'marked', object: show(target.info, withVersion(after, result.revision)) }
    : undefined;
}

const protectedHerds: readonly string[] = ['default', 'runink-system', 'runink-node-lease'];

function refuseOurHerds(target: Target): void {
  const name = target.name ?? '';
  if (storedKind(target.info) !== kinds.herds || !protectedHerds.includes(name)) return;
  throw new ApiError(
    'Forbidden',
    `${resourceOf(target.info)} "${name}" is forbidden: this namespace may not be deleted`,
    {
      name,
      ...(target.info.group === '' ? {} : { group: target.info.group }),
      kind: target.info.plural,
    },
  );
}

function checkPreconditions(target: Target, options: DeleteOptions, current: Unstructured, stored: Stored): void {
  const { uid } = current.metadata;
  if (options.uid !== undefined && options.uid !== uid) {
    throw preconditionFailed(
      target,
      `the UID in the precondition (${options.uid}) does not match the UID in record (${uid ?? ''}). The object might have been deleted and then recreated`,
    );
  }
  if (options.resourceVersion !== undefined && options.resourceVersion !== String(stored.revision)) {
    throw preconditionFailed(
      target,
      `the ResourceVersion in the precondition (${options.resourceVersion}) does not match the ResourceVersion in record (${stored.revision}). The object might have been modified`,
    );
  }
}

function preconditionFailed(target: Target, why: string): ApiError {
  const { group, kind } = target.info;
  const full = group === '' ? kind : `${kind}.${group}`;
  return new ApiError('Conflict', `Operation cannot be fulfilled on ${full} "${target.name ?? ''}": ${why}`, {
    name: target.name ?? '',
    ...(group === '' ? {} : { group }),
    kind,
  });
}

const foreground = 'foregroundDeletion';
const orphan = 'orphan';

// The garbage collector takes these finalizers away when dependents are gone or set free.
function withPolicy(finalizers: readonly string[], policy: DeleteOptions['propagationPolicy']): readonly string[] {
  if (policy === undefined) return finalizers;
  const others = arrayOf(finalizers).filter(
    (name): name is string => typeof name === 'string' && name !== foreground && name !== orphan,
  );
  if (policy === 'Foreground') return [...others, foreground];
  if (policy === 'Orphan') return [...others, orphan];
  return others;
}

function gone(target: Target, object: Unstructured): Status {
  const { name, uid } = object.metadata;
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    details: {
      ...(name === undefined ? {} : { name }),
      ...(target.info.group === '' ? {} : { group: target.info.group }),
      kind: target.info.plural,
      ...(uid === undefined ? {} : { uid }),
    },
  };
}
