import type { KindSchema } from '../schema.ts';

/** User code. */
export const bundleSchema = {
  description: 'User code, immutable. Its name ends in the first 10 hex digits of its SHA-256.',
  required: ['spec'],
  properties: {
    spec: {
      type: 'object',
      description: 'What it holds.',
      required: ['hash', 'size', 'format'],
      properties: {
        hash: { type: 'string', pattern: '^[0-9a-f]{64}$', description: 'SHA-256 of its bytes.' },
        size: { type: 'integer', format: 'int64', minimum: 0, maximum: 1048576, description: 'How many bytes.' },
        format: {
          type: 'string',
          enum: ['module', 'files'],
          description:
            'module: the bytes are one ES module, /step/index.mjs. files: JSON {"files":[{"path","mode","data"}]}, data in base64.',
        },
        exports: {
          type: 'array',
          items: { type: 'string' },
          'x-kubernetes-list-type': 'atomic',
          description: 'Exports of a module.',
        },
        inline: {
          type: 'string',
          format: 'byte',
          maxLength: 174764,
          description: 'The bytes in base64, up to 128 KiB; else put to the subresource content.',
        },
      },
    },
  },
} as const satisfies KindSchema;
