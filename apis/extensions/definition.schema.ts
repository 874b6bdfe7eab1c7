// CustomResourceDefinition: how users add kinds of their own
// (https://kubernetes.io/docs/reference/kubernetes-api/extend-resources/custom-resource-definition-v1/).
import { conditionsSchema } from '../meta/meta.schema.ts';
import type { KindSchema, Schema } from '../schema.ts';

const namesSchema = {
  type: 'object',
  'x-runink-type': 'CustomResourceNames',
  description: 'How the kind and its objects are called.',
  required: ['kind', 'plural'],
  properties: {
    plural: {
      type: 'string',
      description: 'As in URLs: lower case; the name of the definition is this and the group.',
    },
    singular: { type: 'string', description: 'One of them, lower case; default: the kind in lower case.' },
    shortNames: {
      type: 'array',
      items: { type: 'string' },
      'x-kubernetes-list-type': 'atomic',
      description: 'Shorter names for the command line.',
    },
    kind: { type: 'string', description: 'The kind, CamelCase and singular.' },
    listKind: { type: 'string', description: 'The kind of a list of them; default: the kind with List behind it.' },
    categories: {
      type: 'array',
      items: { type: 'string' },
      'x-kubernetes-list-type': 'atomic',
      description: 'Groups of kinds that it is listed with, e.g. all.',
    },
  },
} as const satisfies Schema;

const columnSchema = {
  type: 'object',
  'x-runink-type': 'CustomResourceColumn',
  description: 'A column of tables.',
  required: ['name', 'type', 'jsonPath'],
  properties: {
    name: { type: 'string', description: 'What stands above it.' },
    type: { type: 'string', description: 'integer, number, string, boolean or date.' },
    format: { type: 'string', description: 'A format of the type, for programs.' },
    description: { type: 'string', description: 'What it tells.' },
    priority: { type: 'integer', format: 'int32', description: '0 is always shown, more only with -o wide.' },
    jsonPath: { type: 'string', description: 'Where the value is in the object.' },
  },
} as const satisfies Schema;

const scaleSchema = {
  type: 'object',
  description: 'The subresource scale.',
  required: ['specReplicasPath', 'statusReplicasPath'],
  properties: {
    specReplicasPath: { type: 'string', description: 'Where the wanted number is, under .spec.' },
    statusReplicasPath: { type: 'string', description: 'Where the number that is there is, under .status.' },
    labelSelectorPath: { type: 'string', description: 'Where a selector as text is, under .spec or .status.' },
  },
} as const satisfies Schema;

const versionSchema = {
  type: 'object',
  'x-runink-type': 'CustomResourceVersion',
  description: 'One version of the kind.',
  required: ['name', 'served', 'storage'],
  properties: {
    name: { type: 'string', description: 'As in URLs: v1, v1beta1.' },
    served: { type: 'boolean', description: 'Whether it is served.' },
    storage: { type: 'boolean', description: 'Whether objects are stored in it; true of exactly one.' },
    deprecated: { type: 'boolean', description: 'Whether those who use it are warned.' },
    deprecationWarning: { type: 'string', description: 'What they are told instead of the usual words.' },
    schema: {
      type: 'object',
      description: 'What its objects look like.',
      properties: {
        openAPIV3Schema: {
          type: 'object',
          'x-kubernetes-preserve-unknown-fields': true,
          description: 'A structural schema of whole objects.',
        },
      },
    },
    subresources: {
      type: 'object',
      description: 'What stands behind the name of an object.',
      properties: {
        status: {
          type: 'object',
          'x-kubernetes-preserve-unknown-fields': true,
          description: 'When given, status is written by its own address only.',
        },
        scale: scaleSchema,
      },
    },
    selectableFields: {
      type: 'array',
      'x-kubernetes-list-type': 'atomic',
      description: 'Fields that field selectors may name.',
      items: {
        type: 'object',
        required: ['jsonPath'],
        properties: { jsonPath: { type: 'string', description: 'A field, as .spec.color.' } },
      },
    },
    additionalPrinterColumns: {
      type: 'array',
      'x-kubernetes-list-type': 'atomic',
      description: 'Columns of tables beside the name; default: the age.',
      items: columnSchema,
    },
  },
} as const satisfies Schema;

/** A kind of a user. */
export const definitionSchema = {
  description:
    'A kind of a user: its names, its versions and what its objects look like. It is served without restart.',
  required: ['spec'],
  properties: {
    spec: {
      type: 'object',
      description: 'The kind.',
      required: ['group', 'names', 'scope', 'versions'],
      properties: {
        group: { type: 'string', description: 'The API group, a domain.' },
        names: namesSchema,
        scope: { type: 'string', description: 'Cluster or Namespaced.' },
        versions: {
          type: 'array',
          'x-kubernetes-list-type': 'atomic',
          description: 'Its versions.',
          items: versionSchema,
        },
        conversion: {
          type: 'object',
          description: 'How one version becomes another.',
          required: ['strategy'],
          properties: {
            strategy: { type: 'string', description: 'None: only apiVersion changes. Webhooks are not served.' },
            webhook: {
              type: 'object',
              'x-kubernetes-preserve-unknown-fields': true,
              description: 'Not served.',
            },
          },
        },
        preserveUnknownFields: { type: 'boolean', description: 'Must be false or absent.' },
      },
    },
    status: {
      type: 'object',
      description: 'Whether it is served, and under which names.',
      properties: {
        conditions: conditionsSchema,
        acceptedNames: namesSchema,
        storedVersions: {
          type: 'array',
          items: { type: 'string' },
          'x-kubernetes-list-type': 'atomic',
          description: 'Versions that objects may be stored in.',
        },
      },
    },
  },
} as const satisfies KindSchema;
