// Keeps the status of definitions: which names are accepted, whether they are served; and empties those that are deleted.
// Every server may do all of it at once: each write compares what it was decided on.
import {
  type Condition,
  type CustomResourceDefinition,
  isApiError,
  isTerminating,
  type KindInfo,
  kindInfos,
  kindOfStorage,
  type Unstructured,
} from '../../apis/index.ts';
import { BarnError, prefixEnd } from '../../barn/index.ts';
import { backoffMs, type Log, sleep } from '../../base/index.ts';
import type { KindTable, KnownDefinition } from '../kinds/kind-table.ts';
import { remove } from '../registry/delete.ts';
import { StaleDefinition } from '../registry/fence.ts';
import { countedTxn } from '../registry/quota.ts';
import { type Registry, timestamp } from '../registry/registry.ts';
import { definitionKey, kindPrefix, partsOf } from '../storage/keys.ts';
import { withCondition } from './conditions.ts';
import { planNames } from './naming.ts';
import { cleanupFinalizer } from './strategy.ts';

/** What the keeper works with. */
export interface KeeperDeps {
  readonly registry: Registry;
  readonly table: KindTable;
  readonly log: Log;
}

const backoff = { baseMs: 20, capMs: 5_000 };
/** How often what is left of a kind that goes is looked through; it waits for users' finalizers. */
const emptyingMsMin = 20;
const emptyingMsMax = 500;
const pageMax = 500;
const policy = { dryRun: false } as const;

/** Keeps definitions until the signal aborts. */
export async function keepDefinitions(deps: KeeperDeps, signal: AbortSignal): Promise<void> {
  const { table } = deps;
  const emptying = new Map<string, Promise<void>>();
  let wake: () => void = () => {};
  let isDirty = true;
  const stop = table.onChange(({ what, known }) => {
    isDirty = true;
    wake();
    if (what === 'gone') void tryUntilDone(deps, signal, () => sweep(deps, known.definition));
  });
  signal.addEventListener('abort', () => wake(), { once: true });
  while (!signal.aborted) {
    if (!isDirty) await new Promise<void>((resolve) => (wake = resolve));
    isDirty = false;
    for (const known of table.definitions()) {
      const uid = known.definition.metadata.uid ?? '';
      if (!isTerminating(known.definition) || emptying.has(uid)) continue;
      const done = tryUntilDone(deps, signal, () => empty(deps, known, signal));
      emptying.set(uid, done);
      void done.then(() => emptying.delete(uid));
    }
    if (!signal.aborted) await tryUntilDone(deps, signal, () => name(deps));
  }
  stop();
  await Promise.all(emptying.values());
}

// A write that lost a race is decided anew when the news of the other one comes; a store that cannot answer is asked again.
async function tryUntilDone(
  { registry, log }: KeeperDeps,
  signal: AbortSignal,
  work: () => Promise<void>,
): Promise<void> {
  for (let failures = 0; !signal.aborted; failures++) {
    try {
      return await work();
    } catch (error) {
      if (signal.aborted || (error instanceof BarnError && error.reason === 'Closed')) return;
      const isExpected = error instanceof BarnError || isApiError(error) || error instanceof StaleDefinition;
      if (failures === 0 || !isExpected) log.warn('definitions not kept, will try again', { cause: String(error) });
      await sleep(registry.clock, backoffMs(failures, backoff, registry.random), signal).catch(() => {});
    }
  }
}

async function name({ registry, table }: KeeperDeps): Promise<void> {
  const known = table.definitions();
  const changes = planNames(
    known.map(({ definition }) => definition),
    kindInfos,
    timestamp(registry.clock),
  );
  for (const { definition, status } of changes) {
    const own = known.find((one) => one.definition === definition);
    if (own !== undefined) await write(registry, own, { ...definition, status });
  }
}

/** False when somebody else has written meanwhile; the news of that is on its way. */
async function write({ store }: Registry, { key, revision }: KnownDefinition, next: Unstructured): Promise<boolean> {
  const result = await store.txn(
    [{ target: 'mod', key, op: '=', number: revision }],
    [{ do: 'put', key, value: store.encode(next, key) }],
  );
  return result.succeeded;
}

/** Deletes all objects of a kind that is going, heeding their finalizers, and then lets the definition go. */
async function empty(deps: KeeperDeps, known: KnownDefinition, signal: AbortSignal): Promise<void> {
  const { registry, table } = deps;
  for (let looks = 0; ; looks++) {
    const now = table.definitions().find(({ key }) => key === known.key);
    if (signal.aborted || now === undefined || now.definition.metadata.uid !== known.definition.metadata.uid) return;
    const { definition } = now;
    if (!(definition.metadata.finalizers ?? []).includes(cleanupFinalizer)) return;
    const info = kindOfStorage(definition);
    const isEmpty = info === undefined || (await deleteAll(registry, info));
    if (isEmpty) {
      if (await finish(registry, now)) return;
    } else {
      const told = terminating(
        registry,
        'True',
        'InstanceDeletionInProgress',
        'CustomResource deletion is in progress',
      );
      const next = withCondition(definition, told);
      if (definition.status?.conditions?.every(({ type, reason }) => type !== told.type || reason !== told.reason))
        await write(registry, now, next);
    }
    await sleep(registry.clock, Math.min(emptyingMsMax, emptyingMsMin * 2 ** looks), signal).catch(() => {});
  }
}

/** Whether nothing is left. */
async function deleteAll(registry: Registry, info: KindInfo): Promise<boolean> {
  let after: string | undefined;
  let found = 0;
  for (;;) {
    const page = await registry.store.page(info, undefined, {
      limit: pageMax,
      ...(after === undefined ? {} : { after }),
    });
    found += page.items.length;
    for (const { object } of page.items) {
      const { name: itsName = '', namespace, uid } = object.metadata;
      const target = { info, name: itsName, ...(namespace === undefined ? {} : { namespace }) };
      try {
        await remove(registry, target, { ...policy, ...(uid === undefined ? {} : { uid }) });
      } catch (error) {
        // Gone already, or changed in the same moment: the next look tells.
        if (!isApiError(error, 'NotFound', 'Conflict')) throw error;
      }
    }
    after = page.items.at(-1)?.key;
    if (!page.more || after === undefined) return found === 0;
  }
}

// Nothing is created any more since the mark, so an empty look is the last word.
async function finish(registry: Registry, { key, revision, definition }: KnownDefinition): Promise<boolean> {
  const told = terminating(registry, 'False', 'InstanceDeletionCompleted', 'removed all instances');
  const finalizers = (definition.metadata.finalizers ?? []).filter((one) => one !== cleanupFinalizer);
  const next = { ...withCondition(definition, told), metadata: { ...definition.metadata, finalizers } };
  const result = await registry.store.txn(
    [{ target: 'mod', key, op: '=', number: revision }],
    finalizers.length > 0
      ? [{ do: 'put', key, value: registry.store.encode(next, key) }]
      : [
          { do: 'delete', key },
          { do: 'delete', key: definitionKey(definition.metadata.uid ?? '') },
        ],
  );
  return result.succeeded;
}

function terminating(registry: Registry, status: Condition['status'], reason: string, message: string): Condition {
  return { type: 'Terminating', status, reason, message, lastTransitionTime: timestamp(registry.clock) };
}

/** What is left when somebody took the finalizer away by hand: nobody can see it any more. */
async function sweep({ registry }: KeeperDeps, definition: CustomResourceDefinition): Promise<void> {
  const info = kindOfStorage(definition);
  if (info === undefined) return;
  const prefix = kindPrefix(info);
  const { items } = await registry.store.barn.range(prefix, prefixEnd(prefix), { keysOnly: true });
  // By the definition, which is gone, nothing could be written.
  const { definition: _gone, ...bare } = info;
  for (const { key, modRevision } of items)
    await countedTxn(
      registry,
      { info: bare, ...partsOf(key), namespace: undefined, by: -1 },
      {
        fence: undefined,
        compares: [{ target: 'mod', key, op: '=', number: modRevision }],
        success: [{ do: 'delete', key }],
        failure: [],
      },
    );
}
