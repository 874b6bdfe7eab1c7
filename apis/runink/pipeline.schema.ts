import { conditionsSchema, quantitySchema } from '../meta/meta.schema.ts';
import type { KindSchema, Schema } from '../schema.ts';

const names = (description: string) =>
  ({ type: 'array', items: { type: 'string' }, 'x-kubernetes-list-type': 'atomic', description }) as const;

/** What one slice of a step may use. */
export const resourcesSchema = {
  type: 'object',
  'x-runink-type': 'Resources',
  description: 'What one slice may use at most; it is placed where that much is free.',
  properties: {
    cpu: { ...quantitySchema, description: 'Cores, e.g. 500m.' },
    memory: { ...quantitySchema, description: 'Bytes, e.g. 128Mi.' },
    pids: { type: 'integer', format: 'int32', minimum: 1, maximum: 32768, description: 'Processes and threads.' },
  },
} as const satisfies Schema;

/** How failed attempts are repeated. */
export const retrySchema = {
  type: 'object',
  'x-runink-type': 'Retry',
  description: 'How a failed group is repeated.',
  properties: {
    max: {
      type: 'integer',
      format: 'int32',
      minimum: 0,
      maximum: 100,
      description: 'Attempts after the first. Default 3.',
    },
    backoff: {
      type: 'string',
      pattern: '^[0-9]+(ms|s|m|h)$',
      description: 'Wait before the first repetition; doubled for each further one, up to 5m. Default 1s.',
    },
  },
} as const satisfies Schema;

const format = {
  type: 'string',
  enum: ['ndjson', 'json', 'csv', 'text'],
  description: 'How records lie in the file: ndjson (default), json (one array), csv (with a header row) or text.',
} as const;

/** A pipeline as a user declares it. */
export const pipelineSchema = {
  description:
    'A pipeline: sources, steps over their records, and sinks. A bounded one runs once for each generation unless suspended.',
  required: ['spec'],
  properties: {
    spec: {
      type: 'object',
      description: 'What shall run.',
      required: ['steps'],
      properties: {
        mode: {
          type: 'string',
          enum: ['bounded'],
          default: 'bounded',
          description: 'bounded: the sources end, and so does the run.',
        },
        suspend: { type: 'boolean', description: 'Do not start a run by itself; `runictl run` still does.' },
        serviceAccountName: { type: 'string', description: 'The account the steps act as. Default: default.' },
        parameters: {
          type: 'object',
          additionalProperties: { type: 'string' },
          description: 'Values that expressions see as params and steps as ctx.parameters; a run may override them.',
        },
        sources: {
          type: 'array',
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['name'],
          description: 'Where records come from.',
          items: {
            type: 'object',
            'x-runink-type': 'PipelineSource',
            required: ['name', 'uri'],
            properties: {
              name: { type: 'string', description: 'What steps name in from.' },
              uri: { type: 'string', description: 'file://VOLUME/PATH.' },
              format,
              contract: { type: 'string', description: 'NAME@RANGE of the contract of its records, e.g. flight@^1.' },
              lookup: { type: 'boolean', description: 'The side of a join that is read whole before the other.' },
            },
          },
        },
        steps: {
          type: 'array',
          minItems: 1,
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['name'],
          description: 'What is done to records, each step in a slice of its own.',
          items: {
            type: 'object',
            'x-runink-type': 'PipelineStep',
            required: ['name'],
            properties: {
              name: { type: 'string', description: 'Unique in the pipeline; an RFC 1123 label.' },
              use: {
                type: 'string',
                enum: ['filter', 'project', 'derive', 'validate', 'join', 'aggregate', 'dedupe', 'exec'],
                description: 'A built-in step. Absent: a module, which bundle and export name.',
              },
              bundle: { type: 'string', description: 'The Bundle with the step’s code; it lies at /step.' },
              export: { type: 'string', description: 'The export of the module to run.' },
              from: names(
                'Sources and steps whose records flow in, by pipe: both ends are placed and retried together.',
              ),
              after: names('Steps that must have succeeded before this one starts.'),
              with: {
                type: 'object',
                'x-kubernetes-preserve-unknown-fields': true,
                description: 'Parameters; each built-in step has its own.',
              },
              resources: resourcesSchema,
              retry: retrySchema,
              env: {
                type: 'array',
                'x-kubernetes-list-type': 'map',
                'x-kubernetes-list-map-keys': ['name'],
                description: 'Environment of an exec step.',
                items: {
                  type: 'object',
                  required: ['name', 'value'],
                  properties: {
                    name: { type: 'string', pattern: '^[A-Za-z_][A-Za-z0-9_]*$', description: 'Name of the variable.' },
                    value: { type: 'string', description: 'Its value.' },
                  },
                },
              },
              secrets: {
                type: 'array',
                'x-kubernetes-list-type': 'map',
                'x-kubernetes-list-map-keys': ['name'],
                description: 'Secrets the step may read, as files /run/secrets/NAME/KEY unless env says otherwise.',
                items: {
                  type: 'object',
                  required: ['name'],
                  properties: {
                    name: { type: 'string', description: 'Name of the Secret.' },
                    key: { type: 'string', description: 'Only this key of it.' },
                    env: {
                      type: 'string',
                      pattern: '^[A-Za-z_][A-Za-z0-9_]*$',
                      description: 'Put key’s value in this variable instead of a file.',
                    },
                  },
                },
              },
            },
          },
        },
        sinks: {
          type: 'array',
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['name'],
          description: 'Where records go; a file appears when the whole group of its step has succeeded.',
          items: {
            type: 'object',
            'x-runink-type': 'PipelineSink',
            required: ['name', 'from', 'uri'],
            properties: {
              name: { type: 'string', description: 'Unique in the pipeline.' },
              from: { type: 'string', description: 'The step whose records it takes.' },
              uri: { type: 'string', description: 'file://VOLUME/PATH.' },
              format,
            },
          },
        },
        deadLetters: {
          type: 'array',
          maxItems: 1,
          'x-kubernetes-list-type': 'atomic',
          description: 'Where rejected records go. Without it a rejected record fails its step.',
          items: {
            type: 'object',
            required: ['uri'],
            properties: { uri: { type: 'string', description: 'file://VOLUME/PATH; one JSON envelope a line.' } },
          },
        },
        retry: retrySchema,
      },
    },
    status: {
      type: 'object',
      description: 'What became of it; written by the pipeline controller.',
      properties: {
        observedGeneration: { type: 'integer', format: 'int64', description: 'The generation last looked at.' },
        lastRun: { type: 'string', description: 'The newest run.' },
        lastRunGeneration: {
          type: 'integer',
          format: 'int64',
          description: 'The newest generation for which a run was started by itself.',
        },
        lastRequest: {
          type: 'string',
          description: 'The newest request (annotation runink.io/run-requested) that was served.',
        },
        conditions: conditionsSchema,
      },
    },
  },
} as const satisfies KindSchema;
