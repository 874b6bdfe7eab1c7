import type { Schema } from '../schema.ts';

const stringMap = { type: 'object', additionalProperties: { type: 'string' } } as const;

const ownerReferenceSchema = {
  type: 'object',
  'x-runink-type': 'OwnerReference',
  'x-kubernetes-map-type': 'atomic',
  description: 'An object whose deletion deletes this one too. It lives in the same herd or in the cluster.',
  required: ['apiVersion', 'kind', 'name', 'uid'],
  properties: {
    apiVersion: { type: 'string', description: 'API version of the owner.' },
    kind: { type: 'string', description: 'Kind of the owner.' },
    name: { type: 'string', description: 'Name of the owner.' },
    uid: { type: 'string', description: 'UID of the owner.' },
    controller: { type: 'boolean', description: 'Whether this owner manages the object; at most one does.' },
    blockOwnerDeletion: { type: 'boolean', description: 'Foreground deletion of the owner waits for this object.' },
  },
} as const satisfies Schema;

/** Kubernetes' ObjectMeta (https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/object-meta/). */
export const objectMetaSchema = {
  type: 'object',
  'x-runink-type': 'ObjectMeta',
  description: "Standard object's metadata.",
  properties: {
    name: { type: 'string', description: 'Unique within a herd and kind; an RFC 1123 name. Cannot be updated.' },
    generateName: { type: 'string', description: 'Prefix of a name that the server makes when name is empty.' },
    namespace: { type: 'string', description: 'The herd the object belongs to. Cannot be updated.' },
    uid: { type: 'string', description: 'Set by the server; never used twice.' },
    resourceVersion: {
      type: 'string',
      description: 'Opaque version of the stored object, for optimistic concurrency.',
    },
    generation: {
      type: 'integer',
      format: 'int64',
      description: 'Grows by one with each change of the desired state.',
    },
    creationTimestamp: { type: 'string', format: 'date-time', description: 'When the server created the object.' },
    deletionTimestamp: {
      type: 'string',
      format: 'date-time',
      description: 'When deletion was asked for; set by the server.',
    },
    deletionGracePeriodSeconds: {
      type: 'integer',
      format: 'int64',
      description: 'Seconds allowed for a graceful end.',
    },
    labels: { ...stringMap, description: 'Keys and values to select objects by.' },
    annotations: { ...stringMap, description: 'Arbitrary keys and values that tools keep with the object.' },
    finalizers: {
      type: 'array',
      items: { type: 'string' },
      'x-kubernetes-list-type': 'set',
      description: 'Must be empty before the object is removed.',
    },
    ownerReferences: {
      type: 'array',
      items: ownerReferenceSchema,
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['uid'],
      description: 'Objects this one depends on.',
    },
    managedFields: {
      type: 'array',
      items: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
      'x-kubernetes-list-type': 'atomic',
      description: 'Which manager set which field.',
    },
    selfLink: { type: 'string', description: 'No longer set.' },
  },
} as const satisfies Schema;

/** A condition in a status, as Kubernetes' metav1.Condition. */
export const conditionsSchema = {
  type: 'array',
  description: 'What is true of the object, by type.',
  'x-kubernetes-list-type': 'map',
  'x-kubernetes-list-map-keys': ['type'],
  items: {
    type: 'object',
    'x-runink-type': 'Condition',
    required: ['type', 'status'],
    properties: {
      type: { type: 'string', description: 'What the condition is about, e.g. Ready.' },
      status: { type: 'string', enum: ['True', 'False', 'Unknown'], description: 'Whether it holds.' },
      reason: { type: 'string', description: 'Why, as one CamelCase word for programs.' },
      message: { type: 'string', description: 'Why, in words for people.' },
      observedGeneration: { type: 'integer', format: 'int64', description: 'The generation this was judged on.' },
      lastTransitionTime: { type: 'string', format: 'date-time', description: 'When the status last changed.' },
    },
  },
} as const satisfies Schema;

/** A resource quantity, as in Kubernetes: 500m, 2, 128Mi. */
export const quantitySchema = {
  'x-kubernetes-int-or-string': true,
  description: 'A quantity as in Kubernetes: 500m, 2, 128Mi.',
} as const satisfies Schema;
