import { conditionsSchema, quantitySchema } from '../meta/meta.schema.ts';
import type { KindSchema } from '../schema.ts';
import { resourcesSchema } from './pipeline.schema.ts';

const counts = (description: string) =>
  ({ type: 'object', additionalProperties: quantitySchema, maxProperties: 64, description }) as const;
const sizes = (description: string) =>
  ({ type: 'object', properties: resourcesSchema.properties, description }) as const;

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
          description: 'The most that its live slices may use together, and how many objects it may have.',
          properties: {
            cpu: quantitySchema,
            memory: quantitySchema,
            slices: { type: 'integer', format: 'int32', minimum: 0, description: 'Slices bound at one time.' },
            objects: counts('How many objects of a resource it may have, e.g. count/pipelines.runink.io: 10.'),
          },
        },
        slices: {
          type: 'object',
          description: 'What its slices are given, and have at least.',
          properties: {
            defaults: sizes('What a step has of what it does not name.'),
            minimum: sizes('A step that names less is refused.'),
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
        quota: {
          type: 'object',
          description: 'Where it stands with the objects that it may have.',
          properties: {
            hard: counts('How many it may have.'),
            used: counts('How many it has.'),
          },
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
