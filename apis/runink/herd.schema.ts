import { conditionsSchema, quantitySchema } from '../meta/meta.schema.ts';
import type { KindSchema } from '../schema.ts';

/** A tenant. */
export const herdSchema = {
  description: 'A tenant: a namespace with quotas. Every Herd is also seen as a core Namespace of the same name.',
  properties: {
    spec: {
      type: 'object',
      description: 'What the tenant may use.',
      properties: {
        quota: {
          type: 'object',
          description: 'The most that its live slices may use together.',
          properties: {
            cpu: quantitySchema,
            memory: quantitySchema,
            slices: { type: 'integer', format: 'int32', minimum: 0, description: 'Slices bound at one time.' },
          },
        },
        volumes: {
          type: 'array',
          items: { type: 'string' },
          'x-kubernetes-list-type': 'set',
          description: 'Names of volumes its pipelines may use. Absent: all that the nodes offer it; empty: none.',
        },
        finalizers: {
          type: 'array',
          items: { type: 'string' },
          'x-kubernetes-list-type': 'set',
          description: 'As in a Namespace; removed when the herd is empty.',
        },
      },
    },
    status: {
      type: 'object',
      description: 'Where it stands.',
      properties: {
        phase: {
          type: 'string',
          enum: ['Active', 'Terminating'],
          description: 'Terminating: nothing can be created in it.',
        },
        conditions: conditionsSchema,
      },
    },
  },
} as const satisfies KindSchema;

/** Kubernetes' Namespace, a projection of Herd. */
export const namespaceSchema = {
  description: 'A Herd as Kubernetes’ tools know it.',
  properties: {
    spec: {
      type: 'object',
      description: 'Behaviour of the Namespace.',
      properties: {
        finalizers: {
          type: 'array',
          items: { type: 'string' },
          'x-kubernetes-list-type': 'atomic',
          description: 'Must be empty before it is removed.',
        },
      },
    },
    status: {
      type: 'object',
      description: 'Where it stands.',
      properties: {
        phase: {
          type: 'string',
          enum: ['Active', 'Terminating'],
          description: 'Terminating: nothing can be created in it.',
        },
        conditions: conditionsSchema,
      },
    },
  },
} as const satisfies KindSchema;
