// Who owns the fields of what is written: which writes are told of, and under which name.
import { apiVersionOf, kinds, type Unstructured } from '../../apis/index.ts';
import { afterUpdate, type ManagedFields, onlyTimesDiffer, ownerProblems, type Writer } from '../managed/index.ts';
import { rootSchema } from '../schema/admit.ts';
import { invalidError } from '../schema/causes.ts';
import { storedKind } from '../storage/keys.ts';
import { type Registry, type Target, timestamp, type WriteOptions } from './registry.ts';

/** What the server itself writes is its own. */
const serverManager = 'runink-apiserver';

/**
 * Whether the owners of fields are kept for what a target is. Leases, Events and the status of Slices are written by one
 * program each, and so often that to tell of it would cost more than it says.
 */
export function isTracked(target: Target): boolean {
  const { info, subresource } = target;
  if (info === kinds.leases || info === kinds.events) return false;
  return !(info === kinds.slices && subresource === 'status');
}

/** Who writes, through what, and when. A projection is owned as the kind it shows. */
export function writerOf(registry: Registry, target: Target, options: WriteOptions): Writer {
  return {
    manager: options.manager ?? serverManager,
    apiVersion: apiVersionOf(storedKind(target.info)),
    subresource: target.subresource ?? options.through ?? '',
    hasStatus: target.info.subresources.includes('status'),
    time: timestamp(registry.clock),
  };
}

/** `after`, a stored form, with its owners; `given` is what the client sent as managedFields. Errors: Invalid (names in it). */
export function withOwners(
  registry: Registry,
  target: Target,
  before: Unstructured | undefined,
  after: Unstructured,
  given: unknown,
  options: WriteOptions,
): Unstructured {
  const schema = rootSchema(storedKind(target.info));
  const managedFields = isTracked(target)
    ? afterUpdate(schema, before, after, given, writerOf(registry, target, options))
    : before?.metadata.managedFields;
  const problems = given === undefined ? [] : ownerProblems(managedFields);
  if (problems.length > 0) throw invalidError(target.info, after.metadata.name ?? '', problems);
  return withManagedFields(after, managedFields);
}

/** `object` with these managedFields and no others. */
export function withManagedFields(object: Unstructured, managedFields: ManagedFields): Unstructured {
  const { managedFields: _old, ...metadata } = object.metadata;
  return { ...object, metadata: { ...metadata, ...(managedFields === undefined ? {} : { managedFields }) } };
}

/** `after`, with the times of its owners as they were when they are all that differs from `before`. */
export function withoutNewTimes(after: Unstructured, before: Unstructured): Unstructured {
  const { managedFields } = before.metadata;
  return onlyTimesDiffer(after.metadata.managedFields, managedFields) ? withManagedFields(after, managedFields) : after;
}
