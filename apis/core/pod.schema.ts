// Kubernetes' Pod (https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/): the fields in which a
// slice shows itself. Nothing is ever written through it.
import { conditionsSchema, quantitySchema } from '../meta/meta.schema.ts';
import type { KindSchema } from '../schema.ts';

const quantities = (description: string) =>
  ({ type: 'object', additionalProperties: quantitySchema, description }) as const;
const instant = (description: string) => ({ type: 'string', format: 'date-time', description }) as const;

const stateSchema = {
  type: 'object',
  properties: {
    waiting: {
      type: 'object',
      description: 'It has no process yet.',
      properties: {
        reason: { type: 'string', description: 'Why, as one word.' },
        message: { type: 'string', description: 'Why, in words.' },
      },
    },
    running: {
      type: 'object',
      description: 'It has a process.',
      properties: { startedAt: instant('Since when.') },
    },
    terminated: {
      type: 'object',
      description: 'It has ended.',
      required: ['exitCode'],
      properties: {
        exitCode: { type: 'integer', format: 'int32', description: 'Exit code; 0 only of a success.' },
        signal: { type: 'integer', format: 'int32', description: 'Signal that ended it.' },
        reason: { type: 'string', description: 'Completed, or why it failed, as one word.' },
        message: { type: 'string', description: 'Why, in words.' },
        startedAt: instant('When its process started.'),
        finishedAt: instant('When it ended.'),
      },
    },
  },
} as const;

/** Kubernetes' Pod, a projection of Slice. */
export const podSchema = {
  description: 'A Slice as Kubernetes’ tools know it: it can be read, deleted and evicted; runs make them.',
  properties: {
    spec: {
      type: 'object',
      description: 'What runs, and where.',
      properties: {
        nodeName: { type: 'string', description: 'The node.' },
        restartPolicy: {
          type: 'string',
          enum: ['Always', 'OnFailure', 'Never'],
          description: 'Never: a further attempt is another pod.',
        },
        terminationGracePeriodSeconds: {
          type: 'integer',
          format: 'int64',
          description: '0: its process is ended at once.',
        },
        containers: {
          type: 'array',
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['name'],
          description: 'One, named for the step.',
          items: {
            type: 'object',
            'x-runink-type': 'Container',
            required: ['name'],
            properties: {
              name: { type: 'string', description: 'Name of the step.' },
              image: { type: 'string', description: 'No image: what it runs stands in the run’s plan.' },
              resources: {
                type: 'object',
                description: 'What it is given.',
                properties: { limits: quantities('At most.'), requests: quantities('At least.') },
              },
            },
          },
        },
      },
    },
    status: {
      type: 'object',
      'x-runink-type': 'PodStatus',
      description: 'What became of it.',
      properties: {
        phase: {
          type: 'string',
          enum: ['Pending', 'Running', 'Succeeded', 'Failed', 'Unknown'],
          description: 'Where it stands; a slice that is Lost has Failed.',
        },
        reason: { type: 'string', description: 'Why it failed, as one word: OOMKilled, StepFailed, NodeLost, …' },
        message: { type: 'string', description: 'Why, in words.' },
        startTime: instant('When its process started.'),
        qosClass: { type: 'string', description: 'Burstable.' },
        conditions: conditionsSchema,
        containerStatuses: {
          type: 'array',
          'x-kubernetes-list-type': 'atomic',
          description: 'How its container is; absent before it has a node.',
          items: {
            type: 'object',
            'x-runink-type': 'ContainerStatus',
            required: ['name'],
            properties: {
              name: { type: 'string', description: 'Name of the step.' },
              image: { type: 'string', description: 'No image.' },
              imageID: { type: 'string', description: 'Empty.' },
              ready: { type: 'boolean', description: 'Whether it runs.' },
              started: { type: 'boolean', description: 'Whether it runs.' },
              restartCount: { type: 'integer', format: 'int32', description: 'Attempts before this one.' },
              state: { ...stateSchema, 'x-runink-type': 'ContainerState', description: 'How it is.' },
              lastState: {
                type: 'object',
                additionalProperties: { type: 'string' },
                description: 'Empty: each attempt is a pod of its own.',
              },
            },
          },
        },
      },
    },
  },
} as const satisfies KindSchema;
