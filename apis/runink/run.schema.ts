import { conditionsSchema } from '../meta/meta.schema.ts';
import type { KindSchema, Schema } from '../schema.ts';

/** Counts of records and bytes as they crossed a step's doors. */
export const countersSchema = {
  type: 'object',
  'x-runink-type': 'CountersStatus',
  description: 'Records and bytes as they crossed the step’s doors.',
  properties: {
    recordsIn: { type: 'integer', format: 'int64', description: 'Records read.' },
    recordsOut: { type: 'integer', format: 'int64', description: 'Records written (to each output once).' },
    recordsRejected: { type: 'integer', format: 'int64', description: 'Records sent to the dead letters.' },
    bytesIn: { type: 'integer', format: 'int64', description: 'Bytes read.' },
    bytesOut: { type: 'integer', format: 'int64', description: 'Bytes written.' },
  },
} as const satisfies Schema;

const place = {
  volume: { type: 'string', description: 'Volume of a file.' },
  path: { type: 'string', description: 'Path of a file in its volume.' },
  format: { type: 'string', enum: ['ndjson', 'json', 'csv', 'text'], description: 'How records lie in the file.' },
} as const;

/** The immutable plan of a run: everything resolved, so that a retry or another node does the same. */
export const planSchema = {
  type: 'object',
  'x-runink-type': 'RunPlan',
  description: 'The pipeline with everything resolved: contract and bundle hashes, defaults, groups.',
  required: ['groups', 'steps'],
  properties: {
    groups: {
      type: 'array',
      'x-kubernetes-list-type': 'atomic',
      description: 'Steps joined by pipes: placed, started and retried together. In an order in which they can run.',
      items: {
        type: 'object',
        'x-runink-type': 'PlanGroup',
        required: ['name', 'steps'],
        properties: {
          name: { type: 'string', description: 'The name of its first step.' },
          steps: { type: 'array', items: { type: 'string' }, description: 'Names of its steps.' },
          after: { type: 'array', items: { type: 'string' }, description: 'Groups that must have succeeded before.' },
          retryMax: { type: 'integer', description: 'Attempts after the first.' },
          backoffMs: { type: 'integer', description: 'Wait before the first repetition, in milliseconds.' },
          deadLetters: {
            type: 'object',
            'x-runink-type': 'PlanDeadLetters',
            description: 'The file of this group’s rejected records.',
            required: ['volume', 'path'],
            properties: { volume: place.volume, path: place.path },
          },
        },
      },
    },
    steps: {
      type: 'array',
      'x-kubernetes-list-type': 'atomic',
      description: 'Every step, resolved.',
      items: {
        type: 'object',
        'x-runink-type': 'PlanStep',
        required: [
          'name',
          'group',
          'use',
          'runtime',
          'inputs',
          'outputs',
          'cpuMillis',
          'cpuLimitMillis',
          'memoryBytes',
          'pids',
        ],
        properties: {
          name: { type: 'string', description: 'Name of the step.' },
          group: { type: 'string', description: 'Name of its group.' },
          use: {
            type: 'string',
            enum: ['filter', 'project', 'derive', 'validate', 'join', 'aggregate', 'dedupe', 'exec', 'module'],
            description: 'What it does.',
          },
          runtime: {
            type: 'string',
            enum: ['node', 'native'],
            description: 'native: an exec step alone in its slice, its program on plain streams; node: runi-slice.',
          },
          with: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true, description: 'Its parameters.' },
          inputs: {
            type: 'array',
            description: 'Where its records come from; for a join the last is held in memory.',
            items: {
              type: 'object',
              'x-runink-type': 'PlanInput',
              required: ['name', 'kind'],
              properties: {
                name: { type: 'string', description: 'Name of the source or step.' },
                kind: {
                  type: 'string',
                  enum: ['edge', 'file'],
                  description: 'A pipe from a step of the group, or a file.',
                },
                edge: { type: 'string', description: 'FROM.TO of the pipe.' },
                framed: { type: 'boolean', description: 'Whether frames or bare NDJSON run over the pipe.' },
                uri: { type: 'string', description: 'As the user wrote it.' },
                ...place,
                contract: {
                  type: 'string',
                  description: 'Contract object to check each record against as it is read.',
                },
                schemaHash: { type: 'string', description: 'Hash of that contract’s shape.' },
                lookup: { type: 'boolean', description: 'Read whole before the others.' },
              },
            },
          },
          outputs: {
            type: 'array',
            description: 'Where its records go.',
            items: {
              type: 'object',
              'x-runink-type': 'PlanOutput',
              required: ['kind'],
              properties: {
                kind: {
                  type: 'string',
                  enum: ['edge', 'file'],
                  description: 'A pipe to a step of the group, or a file.',
                },
                edge: { type: 'string', description: 'FROM.TO of the pipe.' },
                framed: { type: 'boolean', description: 'Whether frames or bare NDJSON run over the pipe.' },
                sink: { type: 'string', description: 'Name of the sink.' },
                uri: { type: 'string', description: 'As the user wrote it.' },
                ...place,
              },
            },
          },
          contract: { type: 'string', description: 'validate: the Contract object it checks.' },
          schemaHash: { type: 'string', description: 'Hash of that contract’s shape.' },
          bundle: { type: 'string', description: 'Bundle object with its code.' },
          bundleHash: { type: 'string', description: 'SHA-256 of the bundle’s bytes.' },
          export: { type: 'string', description: 'Export of the module.' },
          env: {
            type: 'array',
            description: 'Environment of an exec step.',
            items: {
              type: 'object',
              required: ['name', 'value'],
              properties: {
                name: { type: 'string', description: 'Name of the variable.' },
                value: { type: 'string', description: 'Its value.' },
              },
            },
          },
          secrets: {
            type: 'array',
            description: 'Secrets it reads.',
            items: {
              type: 'object',
              'x-runink-type': 'PlanSecret',
              required: ['name'],
              properties: {
                name: { type: 'string', description: 'Name of the Secret.' },
                key: { type: 'string', description: 'Only this key.' },
                env: { type: 'string', description: 'Variable instead of a file.' },
              },
            },
          },
          cpuMillis: { type: 'integer', description: 'Thousandths of a cpu reserved for it.' },
          cpuLimitMillis: {
            type: 'integer',
            description: 'Thousandths of a cpu it may use at most; more than reserved when the step names no cpu.',
          },
          memoryBytes: { type: 'integer', format: 'int64', description: 'Memory limit in bytes.' },
          pids: { type: 'integer', description: 'Limit of processes and threads.' },
        },
      },
    },
    parameters: { type: 'object', additionalProperties: { type: 'string' }, description: 'Parameters as given.' },
  },
} as const satisfies Schema;

const phase = ['Pending', 'Running', 'Succeeded', 'Failed', 'Cancelled'] as const;

/** One execution of a pipeline. */
export const runSchema = {
  description: 'One execution of a pipeline. Its plan never changes; its status folds in what its slices did.',
  required: ['spec'],
  properties: {
    spec: {
      type: 'object',
      description: 'What runs.',
      required: ['pipeline', 'plan'],
      properties: {
        pipeline: {
          type: 'object',
          description: 'The pipeline it came from.',
          required: ['name'],
          properties: {
            name: { type: 'string', description: 'Name of the pipeline.' },
            uid: { type: 'string', description: 'UID of the pipeline.' },
            generation: { type: 'integer', format: 'int64', description: 'The generation that was resolved.' },
          },
        },
        cancel: { type: 'boolean', description: 'Set true to stop the run.' },
        plan: planSchema,
      },
    },
    status: {
      type: 'object',
      description: 'How far it is; written by the run controller, at most four times a second.',
      properties: {
        phase: { type: 'string', enum: phase, description: 'Where the run stands.' },
        reason: { type: 'string', description: 'Why it failed, as one word.' },
        message: { type: 'string', description: 'Why, in words.' },
        startTime: { type: 'string', format: 'date-time', description: 'When its first slice was made.' },
        completionTime: { type: 'string', format: 'date-time', description: 'When it ended.' },
        stepsTotal: { type: 'integer', description: 'How many steps it has.' },
        stepsSucceeded: { type: 'integer', description: 'How many have succeeded.' },
        summary: { type: 'string', description: 'SUCCEEDED/TOTAL steps, for tables.' },
        recordsRejected: {
          type: 'integer',
          format: 'int64',
          description: 'Records sent to the dead letters by all steps.',
        },
        steps: {
          type: 'array',
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['name'],
          description: 'Each step’s newest attempt.',
          items: {
            type: 'object',
            'x-runink-type': 'StepStatus',
            'x-kubernetes-map-type': 'atomic',
            required: ['name', 'phase'],
            properties: {
              name: { type: 'string', description: 'Name of the step.' },
              phase: {
                type: 'string',
                enum: ['Waiting', 'Pending', 'Running', 'Succeeded', 'Failed', 'Lost', 'Cancelled'],
                description: 'Where it stands.',
              },
              attempt: { type: 'integer', description: 'Number of the attempt, from 1.' },
              slice: { type: 'string', description: 'Slice of that attempt.' },
              node: { type: 'string', description: 'Node it ran on; its logs are there.' },
              reason: { type: 'string', description: 'Why it failed or waits.' },
              message: { type: 'string', description: 'Why, in words.' },
              startTime: { type: 'string', format: 'date-time', description: 'When it started.' },
              completionTime: { type: 'string', format: 'date-time', description: 'When it ended.' },
              exitCode: { type: 'integer', description: 'Exit code of its process.' },
              counters: countersSchema,
            },
          },
        },
        attempts: {
          type: 'array',
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['group'],
          description: 'The newest failed attempt of each group that had one, and when the next is due.',
          items: {
            type: 'object',
            'x-runink-type': 'GroupAttempt',
            'x-kubernetes-map-type': 'atomic',
            required: ['group', 'attempt'],
            properties: {
              group: { type: 'string', description: 'Name of the group.' },
              attempt: { type: 'integer', description: 'Number of the newest attempt that failed, from 1.' },
              failures: {
                type: 'integer',
                description: 'Attempts that failed by their own fault (lost ones do not count).',
              },
              losses: { type: 'integer', description: 'Attempts lost with their node or agent.' },
              retryTime: {
                type: 'string',
                format: 'date-time',
                description: 'Not before this is the next attempt made.',
              },
            },
          },
        },
        conditions: conditionsSchema,
      },
    },
  },
} as const satisfies KindSchema;
