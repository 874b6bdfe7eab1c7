// Kinds of Kubernetes' core group that we serve, in its shape (https://kubernetes.io/docs/reference/kubernetes-api/).
// Only the fields we use or keep are declared; unknown ones are answered by field validation.
import { conditionsSchema, quantitySchema } from '../meta/meta.schema.ts';
import type { KindSchema } from '../schema.ts';

const quantities = (description: string) =>
  ({ type: 'object', additionalProperties: quantitySchema, description }) as const;

/** A machine that runs slices. */
export const nodeSchema = {
  description: 'A machine that runs slices; registered and kept by its agent.',
  properties: {
    spec: {
      type: 'object',
      description: 'What operators decide about it.',
      properties: {
        unschedulable: { type: 'boolean', description: 'No new slices are bound to it (cordon).' },
        podCIDR: { type: 'string', description: 'Kept for tools; unused.' },
        providerID: { type: 'string', description: 'Kept for tools; unused.' },
        taints: {
          type: 'array',
          'x-kubernetes-list-type': 'atomic',
          description: 'What keeps slices away.',
          items: {
            type: 'object',
            'x-runink-type': 'Taint',
            required: ['key', 'effect'],
            properties: {
              key: { type: 'string', description: 'Key of the taint.' },
              value: { type: 'string', description: 'Value of the taint.' },
              effect: {
                type: 'string',
                enum: ['NoSchedule', 'PreferNoSchedule', 'NoExecute'],
                description: 'What it does.',
              },
              timeAdded: { type: 'string', format: 'date-time', description: 'When it was added.' },
            },
          },
        },
      },
    },
    status: {
      type: 'object',
      description: 'What its agent reports.',
      properties: {
        capacity: quantities('What the machine has: cpu, memory, pids, slices.'),
        allocatable: quantities('What slices may use of it.'),
        conditions: conditionsSchema,
        addresses: {
          type: 'array',
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['type'],
          description: 'Names of the machine; nothing dials them.',
          items: {
            type: 'object',
            required: ['type', 'address'],
            properties: {
              type: { type: 'string', description: 'Hostname or InternalIP.' },
              address: { type: 'string', description: 'The name.' },
            },
          },
        },
        nodeInfo: {
          type: 'object',
          description: 'What the machine is.',
          properties: {
            architecture: { type: 'string', description: 'e.g. amd64.' },
            kernelVersion: { type: 'string', description: 'uname -r.' },
            operatingSystem: { type: 'string', description: 'linux.' },
            osImage: { type: 'string', description: 'Name of the distribution.' },
            kubeletVersion: { type: 'string', description: 'Version of the agent.' },
            bootID: { type: 'string', description: 'Changes with every boot.' },
            machineID: { type: 'string', description: 'Kept for tools.' },
            systemUUID: { type: 'string', description: 'Kept for tools.' },
            containerRuntimeVersion: { type: 'string', description: 'Isolation in force: runi-helper or none.' },
          },
        },
        volumes: {
          type: 'array',
          'x-kubernetes-list-type': 'atomic',
          description: 'Volumes the node offers, as NAME or NAME:rw, to all herds or HERDUID/NAME to one.',
          items: { type: 'string' },
        },
        attempts: {
          type: 'array',
          'x-kubernetes-list-type': 'atomic',
          description:
            'What the node ran or runs when the store was restored, as RUNUID/GROUP/ATTEMPT: nobody else is to run it again.',
          items: { type: 'string' },
        },
      },
    },
  },
} as const satisfies KindSchema;

/** Secret bytes. */
export const secretSchema = {
  description: 'Bytes that only those may see who name them. Encrypted before they are stored.',
  properties: {
    type: { type: 'string', default: 'Opaque', description: 'Used by programs to know what is in it.' },
    data: {
      type: 'object',
      additionalProperties: { type: 'string', format: 'byte' },
      description: 'Values in base64.',
    },
    stringData: {
      type: 'object',
      additionalProperties: { type: 'string' },
      description: 'Values as text; merged into data when written, never read back.',
    },
    immutable: { type: 'boolean', description: 'Data cannot be changed any more.' },
  },
} as const satisfies KindSchema;

/** An identity that steps act as. */
export const serviceAccountSchema = {
  description: 'An identity within a herd that steps act as.',
  properties: {
    automountServiceAccountToken: { type: 'boolean', description: 'Kept for tools; unused.' },
    secrets: {
      type: 'array',
      'x-kubernetes-list-type': 'atomic',
      description: 'Kept for tools; unused.',
      items: { type: 'object', properties: { name: { type: 'string', description: 'Name of a secret.' } } },
    },
  },
} as const satisfies KindSchema;

const objectReference = {
  type: 'object',
  properties: {
    apiVersion: { type: 'string', description: 'API version.' },
    kind: { type: 'string', description: 'Kind.' },
    namespace: { type: 'string', description: 'Herd.' },
    name: { type: 'string', description: 'Name.' },
    uid: { type: 'string', description: 'UID.' },
    resourceVersion: { type: 'string', description: 'Version.' },
    fieldPath: { type: 'string', description: 'Part of the object.' },
  },
} as const;

/** Something abnormal that happened. */
export const eventSchema = {
  description: 'Something abnormal that happened to an object, counted per object and reason.',
  required: ['involvedObject'],
  properties: {
    involvedObject: { ...objectReference, description: 'What it happened to.' },
    related: { ...objectReference, description: 'Another object that matters.' },
    reason: { type: 'string', description: 'One CamelCase word.' },
    message: { type: 'string', description: 'What happened.' },
    type: { type: 'string', description: 'Normal or Warning.' },
    action: { type: 'string', description: 'What was done.' },
    count: { type: 'integer', format: 'int32', description: 'How often.' },
    firstTimestamp: { type: 'string', format: 'date-time', description: 'When first.' },
    lastTimestamp: { type: 'string', format: 'date-time', description: 'When last.' },
    eventTime: { type: 'string', format: 'date-time', description: 'When.' },
    source: {
      type: 'object',
      description: 'Who says so.',
      properties: {
        component: { type: 'string', description: 'Program.' },
        host: { type: 'string', description: 'Node.' },
      },
    },
    reportingComponent: { type: 'string', description: 'Program that says so.' },
    reportingInstance: { type: 'string', description: 'Process that says so.' },
  },
} as const satisfies KindSchema;

/** Who leads, or that a node lives. */
export const leaseSchema = {
  description: 'Who holds a role, or that a node lives.',
  properties: {
    spec: {
      type: 'object',
      description: 'The lease.',
      properties: {
        holderIdentity: { type: 'string', description: 'Who holds it.' },
        leaseDurationSeconds: {
          type: 'integer',
          format: 'int32',
          minimum: 1,
          description: 'How long without renewal it is still held.',
        },
        acquireTime: { type: 'string', format: 'date-time', description: 'When it was taken.' },
        renewTime: { type: 'string', format: 'date-time', description: 'When it was last renewed.' },
        leaseTransitions: { type: 'integer', format: 'int32', description: 'How often it changed hands.' },
      },
    },
  },
} as const satisfies KindSchema;
