import type { KindSchema } from '../schema.ts';

/** A version of what a record must be. */
export const contractSchema = {
  description: 'One version of a contract for records. Immutable: a change is a new version.',
  required: ['spec'],
  properties: {
    spec: {
      type: 'object',
      description: 'The contract.',
      required: ['name', 'version', 'schema'],
      properties: {
        name: { type: 'string', description: 'What pipelines name in NAME@RANGE.' },
        version: { type: 'string', pattern: '^[0-9]+\\.[0-9]+\\.[0-9]+$', description: 'Semantic version.' },
        mode: {
          type: 'string',
          enum: ['open', 'closed'],
          default: 'open',
          description: 'closed: a field that is not declared is a violation.',
        },
        schema: {
          type: 'object',
          'x-kubernetes-preserve-unknown-fields': true,
          description: 'JSON Schema (a subset of 2020-12) of one record.',
        },
        owner: { type: 'string', description: 'Who answers for it.' },
        description: { type: 'string', description: 'What the records are.' },
      },
    },
  },
} as const satisfies KindSchema;
