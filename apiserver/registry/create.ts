import {
  ApiError,
  type KindInfo,
  kinds,
  notFound,
  resourceOf,
  type StatusCause,
  type Unstructured,
} from '../../apis/index.ts';
import type { Compare, Operation } from '../../barn/index.ts';
import { isRecord, textOf } from '../json.ts';
import type { ManagedFields } from '../managed/index.ts';
import { admit, checkKind } from '../schema/admit.ts';
import { invalidError } from '../schema/causes.ts';
import { objectKey, openKey, storedKind } from '../storage/keys.ts';
import { show, unshow, withVersion } from '../storage/object-store.ts';
import { reportFields } from './fields.ts';
import { herdIsGoing } from './going.ts';
import { withManagedFields, withOwners } from './owners.ts';
import { countedTxn } from './quota.ts';
import { herdOf, type Registry, type Target, timestamp, type WriteOptions } from './registry.ts';
import { strategyOf } from './strategy.ts';

const generateAttempts = 5;
const suffixLetters = 'bcdfghjklmnpqrstvwxz2456789';
const generatedPrefixMax = 58;

/** How an object is created. */
export interface CreateOptions extends WriteOptions {
  /** Who owns its fields, where it comes of an apply. */
  readonly owners?: { readonly managedFields: ManagedFields };
}

/** Creates an object from a body. Errors: BadRequest, Invalid, NotFound (herd), Forbidden (herd is going), AlreadyExists. */
export async function create(
  registry: Registry,
  target: Target,
  body: unknown,
  options: CreateOptions,
): Promise<Unstructured> {
  if (target.info.definition?.isTerminating === true) throw definitionIsGoing();
  const given = checkKind(target.info, body);
  checkPlace(target, given);
  const isGenerated = isRecord(given.metadata) && !textOf(given.metadata.name) && !!textOf(given.metadata.generateName);
  for (let attempt = 1; ; attempt++) {
    const object = await prepare(registry, target, given, options);
    try {
      return await store(registry, target, object, options);
    } catch (error) {
      const isTaken = error instanceof ApiError && error.reason === 'AlreadyExists';
      if (!isTaken || !isGenerated || attempt === generateAttempts) throw error;
    }
  }
}

// The herd of the address counts; a body may leave its own out.
function checkPlace(target: Target, body: Record<string, unknown>): void {
  const namespace = isRecord(body.metadata) ? textOf(body.metadata.namespace) : undefined;
  if (namespace !== undefined && namespace !== '' && namespace !== (target.namespace ?? '')) {
    throw new ApiError(
      'BadRequest',
      'the namespace of the provided object does not match the namespace sent on the request',
    );
  }
  const version = isRecord(body.metadata) ? textOf(body.metadata.resourceVersion) : undefined;
  if (version !== undefined && version !== '') {
    throw new ApiError('Unknown', 'resourceVersion should not be set on objects to be created');
  }
}

async function prepare(
  registry: Registry,
  target: Target,
  body: Record<string, unknown>,
  options: CreateOptions,
): Promise<Unstructured> {
  const { info } = target;
  const given = isRecord(body.metadata) ? body.metadata : {};
  const prefix = textOf(given.generateName) ?? '';
  const name = textOf(given.name) || (prefix === '' ? '' : generated(registry, prefix));
  const metadata = { ...given, name };
  const admitted = admit(info, { ...body, metadata });
  reportFields(info, admitted.unknownFields, options);
  const {
    deletionTimestamp: _deleted,
    deletionGracePeriodSeconds: _grace,
    resourceVersion: _version,
    namespace: _namespace,
    ...kept
  } = admitted.object.metadata;
  const { status: givenStatus, ...fields } = admitted.object;
  // Who writes status does so afterwards; only a node comes with its own.
  const keepsStatus = !info.subresources.includes('status') || info === kinds.nodes;
  const view: Unstructured = {
    ...fields,
    ...(givenStatus !== undefined && keepsStatus ? { status: givenStatus } : {}),
    metadata: {
      ...kept,
      ...(info.scope === 'Namespaced' && target.namespace !== undefined ? { namespace: target.namespace } : {}),
      uid: registry.newUid(),
      creationTimestamp: timestamp(registry.clock),
      ...(hasGeneration(info) ? { generation: 1 } : {}),
    },
  };
  const stored = storedKind(info);
  const strategy = strategyOf(stored);
  const bare = unshow(info, view, undefined);
  const completed = strategy.onCreate?.(bare) ?? bare;
  const object =
    options.owners === undefined
      ? withOwners(registry, target, undefined, completed, given.managedFields, options)
      : withManagedFields(completed, options.owners.managedFields);
  const causes = [
    ...admitted.causes,
    ...(admitted.causes.length > 0 ? [] : (strategy.problems?.(object, undefined) ?? [])),
    ...(admitted.causes.length > 0 ? [] : await checked(registry, stored, object)),
  ];
  if (causes.length > 0) throw invalidError(info, name, causes);
  options.guard?.(object, undefined);
  return object;
}

async function store(
  registry: Registry,
  target: Target,
  object: Unstructured,
  options: WriteOptions,
): Promise<Unstructured> {
  const { info } = target;
  const name = object.metadata.name ?? '';
  const herd = await herdOf(registry, target);
  if (herd === null) throw notFound(kinds.namespaces, target.namespace ?? '');
  const herdUid = herd?.object.metadata.uid;
  const key = objectKey(info, herdUid, name);
  const compares: Compare[] = [{ target: 'version', key, op: '=', number: 0 }];
  if (herdUid !== undefined) compares.push({ target: 'version', key: openKey(herdUid), op: '>', number: 0 });
  const strategy = strategyOf(storedKind(info));
  const beside = strategy.beside?.({ herdUid, before: undefined, after: object }) ?? [];
  const value = registry.store.encode(object, key);
  const write: Operation[] = options.dryRun ? [] : [{ do: 'put', key, value }, ...beside];
  const place = { info, herdUid, namespace: target.namespace, ...(herd === undefined ? {} : { herd }) };
  const result = await countedTxn(
    registry,
    { ...place, name, by: 1 },
    {
      fence: options.fence,
      compares,
      success: write,
      failure: [{ do: 'get', key }],
    },
  );
  if (result.succeeded) return show(info, options.dryRun ? object : withVersion(object, result.revision));
  if (result.results[0] !== undefined) throw alreadyExists(target, name);
  throw herdIsGoing({ ...target, name });
}

/** Whether changes of the wanted state are counted: Kubernetes counts them for its newer kinds and all of users. */
function hasGeneration({ group, projectionOf, definition }: KindInfo): boolean {
  return (
    group === kinds.herds.group ||
    group === kinds.customResourceDefinitions.group ||
    projectionOf !== undefined ||
    definition !== undefined
  );
}

async function checked(registry: Registry, info: KindInfo, object: Unstructured): Promise<readonly StatusCause[]> {
  return info.definition === undefined ? ((await registry.checks[info.kind]?.(object)) ?? []) : [];
}

function definitionIsGoing(): ApiError {
  return new ApiError('MethodNotAllowed', 'create not allowed while custom resource definition is terminating', {});
}

function generated(registry: Registry, prefix: string): string {
  let suffix = '';
  for (let count = 0; count < 5; count++) {
    suffix += suffixLetters[Math.floor(registry.random.next() * suffixLetters.length)] ?? '';
  }
  return prefix.slice(0, generatedPrefixMax) + suffix;
}

function alreadyExists(target: Target, name: string): ApiError {
  return new ApiError('AlreadyExists', `${resourceOf(target.info)} "${name}" already exists`, {
    name,
    ...(target.info.group === '' ? {} : { group: target.info.group }),
    kind: target.info.plural,
  });
}
