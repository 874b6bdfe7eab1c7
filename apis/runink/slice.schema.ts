import type { KindSchema } from '../schema.ts';
import { countersSchema } from './run.schema.ts';

/** One attempt of one step on one node. */
export const sliceSchema = {
  description:
    'One attempt at one step of a run: an isolated process on a node. What it runs stands in the run’s plan.',
  required: ['spec'],
  properties: {
    spec: {
      type: 'object',
      description: 'Which step, what it needs, where.',
      required: ['run', 'step', 'attempt'],
      properties: {
        run: { type: 'string', description: 'Name of the run.' },
        runUID: { type: 'string', description: 'UID of the run.' },
        step: { type: 'string', description: 'Name of the step.' },
        group: { type: 'string', description: 'Name of the group; its slices are placed all or none.' },
        groupSize: { type: 'integer', description: 'How many slices the group has.' },
        index: { type: 'integer', description: 'Number among the parallel slices of the step, from 0.' },
        attempt: { type: 'integer', description: 'Number of the attempt, from 1.' },
        cpuMillis: { type: 'integer', description: 'Thousandths of a cpu it is given.' },
        memoryBytes: { type: 'integer', format: 'int64', description: 'Bytes of memory it is given.' },
        pids: { type: 'integer', description: 'Processes and threads it may have.' },
        nodeName: { type: 'string', description: 'The node; set once, by a binding.' },
      },
    },
    status: {
      type: 'object',
      description: 'What became of it; written by the node’s agent.',
      properties: {
        phase: {
          type: 'string',
          enum: ['Pending', 'Running', 'Succeeded', 'Failed', 'Lost'],
          description: 'Where it stands.',
        },
        reason: { type: 'string', description: 'Why, as one word: OOMKilled, StepFailed, Unschedulable, …' },
        message: { type: 'string', description: 'Why, in words.' },
        startTime: { type: 'string', format: 'date-time', description: 'When its process started.' },
        completionTime: { type: 'string', format: 'date-time', description: 'When it ended.' },
        exitCode: { type: 'integer', description: 'Exit code of its process.' },
        signal: { type: 'integer', description: 'Signal that ended it.' },
        counters: countersSchema,
        memoryPeakBytes: { type: 'integer', format: 'int64', description: 'Most memory it held.' },
        cpuMs: { type: 'integer', format: 'int64', description: 'Cpu time it used, in milliseconds.' },
      },
    },
  },
} as const satisfies KindSchema;
