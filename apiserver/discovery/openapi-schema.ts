// Schemas of kinds as OpenAPI publishes them.
import { apiVersionOf, isKubernetesOwn, type KindInfo, listKindOf, type Schema } from '../../apis/index.ts';
import { rootSchema } from '../schema/admit.ts';
import { publishCustom } from './openapi-custom.ts';
import { publishedKeywords } from './openapi-keywords.ts';

/** A schema as published; version 2 and 3 differ in references and in how an int-or-string is said. */
export interface OpenApiSchema {
  $ref?: string;
  allOf?: OpenApiSchema[];
  type?: string;
  format?: string;
  description?: string;
  default?: unknown;
  properties?: Record<string, OpenApiSchema>;
  required?: readonly string[];
  additionalProperties?: OpenApiSchema;
  items?: OpenApiSchema;
  enum?: readonly string[];
  pattern?: string;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
  [extension: `x-${string}`]: unknown;
}

/** The two forms of OpenAPI that kubectl reads. */
export type OpenApiVersion = 2 | 3;

const metaName = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';
const listMetaName = 'io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta';

/** The name of a kind's definition, e.g. `io.runink.v1.Pipeline`. */
export function definitionName(info: KindInfo): string {
  if (info.group === '') return `io.k8s.api.core.${info.version}.${info.kind}`;
  if (isKubernetesOwn(info)) {
    return `io.k8s.api.${info.group.slice(0, -'.k8s.io'.length)}.${info.version}.${info.kind}`;
  }
  return `${info.group.split('.').reverse().join('.')}.${info.version}.${info.kind}`;
}

/** A reference to a definition. */
export function reference(name: string, version: OpenApiVersion): OpenApiSchema {
  return { $ref: version === 2 ? `#/definitions/${name}` : `#/components/schemas/${name}` };
}

/** Definitions of kinds, their lists and what they share. */
export function definitions(infos: readonly KindInfo[], version: OpenApiVersion): Record<string, OpenApiSchema> {
  const result: Record<string, OpenApiSchema> = {};
  for (const info of infos) {
    const gvk = [{ group: info.group, kind: info.kind, version: info.version }];
    result[definitionName(info)] = { ...published(info, version), 'x-kubernetes-group-version-kind': gvk };
    result[`${definitionName(info)}List`] = listDefinition(info, version);
    const meta = rootSchema(info).properties?.metadata;
    if (meta !== undefined) result[metaName] = publish(meta, version, true);
  }
  result[listMetaName] = listMeta;
  return result;
}

function published(info: KindInfo, version: OpenApiVersion): OpenApiSchema {
  const metadata = described(metaName, version, "Standard object's metadata.");
  const { root } = info.schema;
  if (root === undefined) {
    const schema = publish(rootSchema(info), version, isKubernetesOwn(info));
    return { ...schema, properties: { ...schema.properties, metadata } };
  }
  const schema = publishCustom(root, version, { ...typeFields, metadata });
  // Of what keeps everything nothing is said: else kubectl would refuse what is not.
  if (version === 2 && root['x-kubernetes-preserve-unknown-fields'] === true) return schema;
  return { ...schema, properties: { ...typeFields, ...schema.properties, metadata } };
}

const typeFields: Readonly<Record<string, OpenApiSchema>> = {
  apiVersion: { type: 'string', description: 'Version of the schema of this object.' },
  kind: { type: 'string', description: 'Kind of this object.' },
};

function listDefinition(info: KindInfo, version: OpenApiVersion): OpenApiSchema {
  return {
    description: `A list of ${info.plural}.`,
    type: 'object',
    required: ['items'],
    properties: {
      apiVersion: { type: 'string', description: 'Version of the schema of this object.' },
      kind: { type: 'string', description: 'Kind of this object.' },
      metadata: described(listMetaName, version, "Standard list's metadata."),
      items: { type: 'array', description: 'The objects.', items: reference(definitionName(info), version) },
    },
    'x-kubernetes-group-version-kind': [{ group: info.group, kind: listKindOf(info), version: info.version }],
  };
}

const listMeta: OpenApiSchema = {
  description: 'Metadata of a list.',
  type: 'object',
  properties: {
    continue: { type: 'string', description: 'Given to the next request to go on where this one ended.' },
    remainingItemCount: { type: 'integer', format: 'int64', description: 'How many objects are left.' },
    resourceVersion: { type: 'string', description: 'The version the list was read at.' },
    selfLink: { type: 'string', description: 'No longer set.' },
  },
};

// OpenAPI 3.0 ignores what stands beside a reference, so the description goes around it.
function described(name: string, version: OpenApiVersion, description: string): OpenApiSchema {
  const target = reference(name, version);
  return version === 2 ? { ...target, description } : { allOf: [target], description };
}

function publish(schema: Schema, version: OpenApiVersion, mergesLists: boolean): OpenApiSchema {
  const inner = (child: Schema) => publish(child, version, mergesLists);
  const result: OpenApiSchema = {};
  const description = schema.description;
  if (description !== undefined) result.description = description;
  if (schema['x-kubernetes-int-or-string'] === true) {
    // What Kubernetes publishes for a Quantity and an IntOrString.
    if (version === 2) return { ...result, type: 'string', format: 'int-or-string' };
    return { ...result, 'x-kubernetes-int-or-string': true };
  }
  for (const key of publishedKeywords) if (schema[key] !== undefined) Object.assign(result, { [key]: schema[key] });
  if (schema.properties !== undefined) {
    result.properties = Object.fromEntries(
      Object.entries(schema.properties).map(([key, child]) => [key, inner(child)]),
    );
  }
  if (typeof schema.additionalProperties === 'object') {
    result.additionalProperties = inner(schema.additionalProperties);
  }
  if (schema.items !== undefined) result.items = inner(schema.items);
  if (mergesLists) Object.assign(result, mergeStrategy(schema));
  return result;
}

// What kubectl computes a strategic merge patch by; the server merges by the same lists (registry/strategic-patch.ts).
function mergeStrategy(schema: Schema): OpenApiSchema {
  const [key] = schema['x-kubernetes-list-map-keys'] ?? [];
  switch (schema['x-kubernetes-list-type']) {
    case 'map':
      return { 'x-kubernetes-patch-merge-key': key, 'x-kubernetes-patch-strategy': 'merge' };
    case 'set':
      return { 'x-kubernetes-patch-strategy': 'merge' };
    default:
      return {};
  }
}

/** `apis/runink.io/v1`, `api/v1`: where a kind is served. */
export function rootOf(info: KindInfo): string {
  return info.group === '' ? `api/${info.version}` : `apis/${apiVersionOf(info)}`;
}
