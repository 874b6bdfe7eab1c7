// What is particular to CustomResourceDefinitions when they are written.
import { type Condition, definitionOf, type StatusCause, type Unstructured } from '../../apis/index.ts';
import { arrayOf, isRecord, recordOf, textOf } from '../json.ts';
import type { Strategy } from '../registry/strategy.ts';
import { readSchema } from '../schema/custom/read-schema.ts';
import { definitionKey } from '../storage/keys.ts';
import { withCondition } from './conditions.ts';
import { definitionProblems } from './validation.ts';

/** Keeps a definition that is deleted until its objects are gone. */
export const cleanupFinalizer = 'customresourcecleanup.apiextensions.k8s.io';

/** The hooks of the kind. */
export const definitionStrategy: Strategy = {
  onCreate: (object) => {
    const { status: _status, ...rest } = withDefaults(object);
    const status = { conditions: [], acceptedNames: { plural: '', kind: '' }, storedVersions: storageVersions(rest) };
    return { ...rest, metadata: object.metadata, status };
  },
  onUpdate: (object) => {
    const next = withDefaults(object);
    const status = recordOf(next.status);
    const stored = arrayOf(status.storedVersions);
    const added = storageVersions(next).filter((name) => !stored.includes(name));
    return added.length === 0 ? next : { ...next, status: { ...status, storedVersions: [...stored, ...added] } };
  },
  onDelete: (object) => {
    const finalizers = object.metadata.finalizers ?? [];
    if (finalizers.includes(cleanupFinalizer)) return object;
    const told: Condition = {
      type: 'Terminating',
      status: 'True',
      reason: 'InstanceDeletionPending',
      message: 'CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon',
      ...(object.metadata.deletionTimestamp === undefined
        ? {}
        : { lastTransitionTime: object.metadata.deletionTimestamp }),
    };
    const marked = withCondition(definitionOf(object), told);
    return { ...marked, metadata: { ...object.metadata, finalizers: [...finalizers, cleanupFinalizer] } };
  },
  // Its objects go first: the finalizer is set with the mark.
  mayGo: ({ metadata }) => metadata.deletionTimestamp !== undefined,
  problems: (object, before): readonly StatusCause[] =>
    definitionProblems(definitionOf(object), before === undefined ? undefined : definitionOf(before)),
  beside: ({ before, after }) => {
    const [was, is] = [generationOf(before), generationOf(after)];
    const key = definitionKey((after ?? before)?.metadata.uid ?? '');
    if (was === is) return [];
    return [is === undefined ? { do: 'delete', key } : { do: 'put', key, value: new TextEncoder().encode(is) }];
  },
};

function generationOf(object: Unstructured | undefined): string | undefined {
  return object === undefined ? undefined : String(object.metadata.generation ?? 1);
}

function withDefaults(object: Unstructured): Unstructured {
  const spec = recordOf(object.spec);
  const names = recordOf(spec.names);
  const kind = textOf(names.kind) ?? '';
  return {
    ...object,
    spec: {
      ...spec,
      ...(Array.isArray(spec.versions) ? { versions: spec.versions.map(withReadSchema) } : {}),
      names: {
        ...names,
        ...(kind !== '' && !textOf(names.singular) ? { singular: kind.toLowerCase() } : {}),
        ...(kind !== '' && !textOf(names.listKind) ? { listKind: `${kind}List` } : {}),
      },
      conversion: isRecord(spec.conversion) ? spec.conversion : { strategy: 'None' },
    },
  };
}

// Keywords that mean nothing are dropped, as everywhere; what cannot be read is told when it is checked.
function withReadSchema(version: unknown): unknown {
  if (!isRecord(version) || !isRecord(version.schema)) return version;
  const { openAPIV3Schema } = version.schema;
  if (openAPIV3Schema === undefined) return version;
  const { schema } = readSchema(openAPIV3Schema, '');
  return schema === undefined ? version : { ...version, schema: { openAPIV3Schema: schema } };
}

function storageVersions(object: Record<string, unknown>): string[] {
  return arrayOf(recordOf(object.spec).versions)
    .flatMap((version) =>
      isRecord(version) && version.storage === true && typeof version.name === 'string' ? [version.name] : [],
    )
    .slice(0, 1);
}
