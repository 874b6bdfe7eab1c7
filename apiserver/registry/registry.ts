// What a verb means for an object, apart from HTTP. Each verb is a file of its own.
import { ApiError, type KindInfo, notFound, type StatusCause, type Unstructured } from '../../apis/index.ts';
import type { Clock, Random } from '../../base/index.ts';
import type { ApiLimits } from '../limits.ts';
import type { Freshness, ObjectStore, Stored } from '../storage/object-store.ts';
import type { Counters } from './counters.ts';
import type { KeyedFence } from './fence.ts';

/** What the verbs work with. */
export interface Registry {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly random: Random;
  /** A new random UUID. */
  readonly newUid: () => string;
  readonly limits: ApiLimits;
  /** What is known of how many objects herds have. */
  readonly counters: Counters;
  /** Admission of kinds that need more than a schema; by kind name. */
  readonly checks: Readonly<Record<string, (object: Unstructured) => Promise<readonly StatusCause[]>>>;
}

/** One resource, and one object of it where the verb is about one. */
export interface Target {
  readonly info: KindInfo;
  /** The herd's name; absent for cluster kinds and for all herds. */
  readonly namespace?: string;
  readonly name?: string;
  readonly subresource?: string;
}

/** How a write is checked, and whether it is done. */
export interface WriteOptions {
  readonly dryRun: boolean;
  readonly fieldValidation: 'Strict' | 'Warn' | 'Ignore';
  /** The refusal of what a strict reader does not take; absent: that of a whole object. */
  readonly strictly?: (problem: string) => ApiError;
  /** Collects what the client should be told though the write was done. */
  readonly warn: (message: string) => void;
  /** Under which name the fields that change are owned; absent: the server's own. */
  readonly manager?: string;
  /** The subresource that a write to the object itself came by: its owners are told apart. */
  readonly through?: string;
  /** Looks at what would be written; throws to refuse it. `before` is undefined for a create. */
  readonly guard?: (after: Unstructured, before: Unstructured | undefined) => void;
  /** What must hold of the writer's lead. */
  readonly fence?: KeyedFence;
}

/** The uid of the target's herd; undefined for cluster kinds, `null` when there is no such herd. */
export async function herdUidOf(
  registry: Registry,
  target: Target,
  freshness: Freshness = {},
): Promise<string | undefined | null> {
  const herd = await herdOf(registry, target, freshness);
  return herd === null ? null : herd?.object.metadata.uid;
}

/** The target's herd; undefined for cluster kinds, `null` when there is no such herd. */
export async function herdOf(
  registry: Registry,
  target: Target,
  freshness: Freshness = {},
): Promise<Stored | undefined | null> {
  if (target.info.scope === 'Cluster' || target.namespace === undefined) return undefined;
  return (await registry.store.herd(target.namespace, freshness)) ?? null;
}

/** The stored object. Errors: NotFound. */
export async function readTarget(registry: Registry, target: Target, freshness: Freshness = {}): Promise<Stored> {
  const name = target.name ?? '';
  // What this server knows of the herd is good enough when the object is there: a herd that went took it along.
  const known = await herdUidOf(registry, target, { serializable: true });
  const found = known === null ? undefined : await registry.store.read(target.info, known, name, freshness);
  if (found !== undefined) return found;
  const herdUid = await herdUidOf(registry, target, freshness);
  const stored = herdUid === null ? undefined : await registry.store.read(target.info, herdUid, name, freshness);
  if (stored === undefined) throw notFound(target.info, name);
  return stored;
}

/** Now, or some seconds later, as metadata has it: whole seconds, UTC. */
export function timestamp(clock: Clock, afterSeconds = 0): string {
  return new Date(clock.now() + afterSeconds * 1000).toISOString().replace(/\.\d+Z$/, 'Z');
}

/** Holds what is written to the name it is written to. Errors: BadRequest. */
export function checkName(target: Target, name: string): void {
  if (name === target.name) return;
  throw new ApiError(
    'BadRequest',
    `the name of the object (${name}) does not match the name on the URL (${target.name ?? ''})`,
  );
}
