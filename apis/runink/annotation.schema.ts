import type { KindSchema } from '../schema.ts';

/** What a person or a model says about data. */
export const annotationSchema = {
  description: 'What a person or a model says about a dataset, a column, a record or a run.',
  required: ['spec'],
  properties: {
    spec: {
      type: 'object',
      description: 'The statement.',
      required: ['annotatedDataRef'],
      properties: {
        annotatedDataRef: {
          type: 'object',
          description: 'What it is about.',
          required: ['dataset'],
          properties: {
            dataset: { type: 'string', description: 'URI or name of the dataset.' },
            column: { type: 'string', description: 'Column of it.' },
            record: { type: 'string', description: 'Record of it.' },
            run: { type: 'string', description: 'Run that made it.' },
          },
        },
        key: { type: 'string', description: 'What is said.' },
        value: { type: 'string', description: 'Its value.' },
        type: { type: 'string', description: 'Sort of annotation, e.g. summary, classification.' },
        sourceModel: { type: 'string', description: 'Model that said it.' },
        confidenceScore: {
          type: 'number',
          format: 'double',
          minimum: 0,
          maximum: 1,
          description: 'How sure the model was.',
        },
        promptReference: { type: 'string', description: 'Where the prompt is kept.' },
        timestamp: { type: 'string', format: 'date-time', description: 'When it was said.' },
        review: {
          type: 'string',
          enum: ['Proposed', 'Approved', 'Rejected'],
          description: 'What a person thinks of it.',
        },
      },
    },
  },
} as const satisfies KindSchema;
