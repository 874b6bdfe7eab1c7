// What a step's `with` may hold, per `use`. Expressions inside are strings here; lang/expressions reads them.
import type { Schema } from '../schema.ts';

const fieldNames = (description: string) =>
  ({ type: 'array', minItems: 1, items: { type: 'string', minLength: 1 }, description }) as const;

/** The schema of `with` for each built-in step, for programs (`exec`) and for user code (`module`: any parameters). */
export const withSchemas = {
  filter: {
    type: 'object',
    description: 'Keeps the records for which an expression is true.',
    required: ['where'],
    properties: {
      where: { type: 'string', minLength: 1, description: 'A CEL expression over record; its value is a bool.' },
    },
  },
  project: {
    type: 'object',
    description: 'Makes each record anew from some of its fields.',
    required: ['fields'],
    properties: {
      fields: {
        'x-kubernetes-preserve-unknown-fields': true,
        description: 'A list of field names to keep, or a map from new field names to CEL expressions over record.',
      },
    },
  },
  derive: {
    type: 'object',
    description: 'Adds fields to each record.',
    required: ['fields'],
    properties: {
      fields: {
        type: 'object',
        additionalProperties: { type: 'string', minLength: 1 },
        description: 'From field names to CEL expressions over record (as it came in). An existing field is replaced.',
      },
    },
  },
  validate: {
    type: 'object',
    description: 'Checks each record against a contract; what fails goes to the dead letters.',
    properties: {
      contract: { type: 'string', minLength: 1, description: "NAME@RANGE; the source's own contract when absent." },
    },
  },
  join: {
    type: 'object',
    description: 'Adds to each record of the first input the fields of the matching records of the last.',
    required: ['on'],
    properties: {
      kind: {
        type: 'string',
        enum: ['inner', 'left'],
        description: 'left (default) keeps records without a match as they are.',
      },
      on: {
        type: 'string',
        minLength: 1,
        description: 'An equality of two inputs\' fields: "a.x == b.y"; several are joined by &&.',
      },
    },
  },
  aggregate: {
    type: 'object',
    description: 'One record for each group of records.',
    required: ['values'],
    properties: {
      by: fieldNames('Fields whose values make a group. Absent: all records are one group.'),
      values: {
        type: 'object',
        additionalProperties: { type: 'string', minLength: 1 },
        description: 'From new field names to count(), count(EXPR), sum(EXPR), avg(EXPR), min(EXPR) or max(EXPR).',
      },
    },
  },
  dedupe: {
    type: 'object',
    description: 'Keeps the first record of those with equal fields.',
    required: ['by'],
    properties: {
      by: fieldNames('Fields whose values make two records equal.'),
      reject: {
        type: 'boolean',
        description: 'Send the others to the dead letters (code duplicate) instead of dropping them.',
      },
    },
  },
  exec: {
    type: 'object',
    description: 'Runs a program that reads NDJSON on stdin and writes NDJSON on stdout.',
    required: ['command'],
    properties: {
      command: {
        type: 'array',
        minItems: 1,
        items: { type: 'string' },
        description: 'The program and its arguments; no shell is involved.',
      },
    },
  },
  module: {
    type: 'object',
    description: "Parameters for user code, seen as ctx.parameters beside the run's.",
    'x-kubernetes-preserve-unknown-fields': true,
  },
} as const satisfies Record<string, Schema>;

/** A built-in step, `exec` or `module`. */
export type StepUse = keyof typeof withSchemas;
