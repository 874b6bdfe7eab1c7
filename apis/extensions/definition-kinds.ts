// From a CustomResourceDefinition to rows of the table of kinds: one for each version that is served. Pure.
import type { KindInfo, PrinterColumn, Subresource } from '../kind.ts';
import type { Unstructured } from '../object.ts';
import type { Schema } from '../schema.ts';
import type { Condition, CustomResourceColumn, CustomResourceDefinition, CustomResourceVersion } from '../types.gen.ts';

/** A stored definition as what its schema made sure of. */
export function definitionOf(object: Unstructured): CustomResourceDefinition {
  return object as unknown as CustomResourceDefinition;
}

/** The condition of a type, if it was ever set. */
export function conditionIn(definition: CustomResourceDefinition, type: string): Condition | undefined {
  return definition.status?.conditions?.find((condition) => condition.type === type);
}

/** Whether the kind is served. */
export function isEstablished(definition: CustomResourceDefinition): boolean {
  return conditionIn(definition, 'Established')?.status === 'True';
}

/** Whether the kind is going, with all its objects. */
export function isTerminating({ metadata }: CustomResourceDefinition): boolean {
  return metadata.deletionTimestamp !== undefined;
}

/** The kinds of a definition, one a served version; none before it is established. */
export function kindsOfDefinition(definition: CustomResourceDefinition): readonly KindInfo[] {
  if (!isEstablished(definition)) return [];
  return definition.spec.versions.filter(({ served }) => served).map((version) => kindOf(definition, version));
}

/** The kind in the version its objects are stored in, served or not. */
export function kindOfStorage(definition: CustomResourceDefinition): KindInfo | undefined {
  const version = definition.spec.versions.find(({ storage }) => storage);
  return version === undefined ? undefined : kindOf(definition, version);
}

function kindOf(definition: CustomResourceDefinition, version: CustomResourceVersion): KindInfo {
  const { metadata, spec, status } = definition;
  const accepted = status?.acceptedNames;
  const names = accepted === undefined || accepted.plural === '' ? spec.names : accepted;
  const storage = spec.versions.find((other) => other.storage)?.name ?? version.name;
  const root = schemaOf(version.schema?.openAPIV3Schema ?? {});
  const scale = version.subresources?.scale;
  const subresources: Subresource[] = [];
  if (version.subresources?.status !== undefined) subresources.push('status');
  if (scale !== undefined) subresources.push('scale');
  const full = `${spec.group}/${version.name}`;
  return {
    group: spec.group,
    version: version.name,
    kind: names.kind,
    plural: names.plural,
    singular: names.singular ?? names.kind.toLowerCase(),
    listKind: names.listKind ?? `${names.kind}List`,
    shortNames: names.shortNames ?? [],
    categories: names.categories ?? [],
    scope: spec.scope === 'Cluster' ? 'Cluster' : 'Namespaced',
    subresources,
    columns: columnsOf(version.additionalPrinterColumns),
    selectableFields: (version.selectableFields ?? []).map(({ jsonPath }) => jsonPath.replace(/^\./, '')),
    immutable: [],
    ...(scale === undefined ? {} : { scale }),
    storageVersion: storage,
    ...(version.deprecated === true
      ? { deprecation: version.deprecationWarning ?? `${full} ${names.kind} is deprecated` }
      : {}),
    definition: {
      uid: metadata.uid ?? '',
      generation: metadata.generation ?? 1,
      isTerminating: isTerminating(definition),
    },
    schema: {
      description: root.description ?? '',
      properties: root.properties ?? {},
      ...(root.required === undefined ? {} : { required: root.required }),
      root,
    },
  };
}

const age: PrinterColumn = {
  name: 'Age',
  type: 'date',
  path: '.metadata.creationTimestamp',
  description: 'Time since it was created.',
};

function columnsOf(columns: readonly CustomResourceColumn[] | undefined): readonly PrinterColumn[] {
  if (columns === undefined || columns.length === 0) return [age];
  return columns.map(({ name, type, jsonPath, description, priority, format }) => ({
    name,
    type: columnType(type),
    path: jsonPath,
    description: description ?? `Custom resource definition column (in JSONPath format): ${jsonPath}`,
    ...(priority === undefined ? {} : { priority }),
    ...(format === undefined ? {} : { format }),
  }));
}

function columnType(type: string): PrinterColumn['type'] {
  switch (type) {
    case 'integer':
    case 'number':
    case 'boolean':
    case 'date':
      return type;
    default:
      return 'string';
  }
}

// Checked to be structural when it was written.
function schemaOf(schema: unknown): Schema {
  return schema as Schema;
}
