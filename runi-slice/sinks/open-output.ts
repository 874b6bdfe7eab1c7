import type { RunningCounters } from '../counters.ts';
import type { Output } from '../flow/emitter.ts';
import type { OutputSpec, RecordFormat } from '../protocol/index.ts';
import { openPipeOutput } from './edge-output.ts';
import { type Encoder, openFileOutput, sameBytes } from './file-output.ts';

/** Opens one output of a step. `rawText`: text files get the bytes of a program as they come. */
export async function openOutput(
  spec: OutputSpec,
  counters: RunningCounters,
  rawText: boolean,
  signal: AbortSignal,
): Promise<Output> {
  if (spec.kind === 'edge') return openPipeOutput(spec.path, spec.framed, counters, signal);
  return openFileOutput(spec.path, spec.uri, await encoderOf(spec.format, spec.uri, rawText), counters);
}

async function encoderOf(format: RecordFormat, uri: string, rawText: boolean): Promise<Encoder> {
  switch (format) {
    case 'ndjson':
      return sameBytes;
    case 'json': {
      const { JsonArrayEncoder } = await import('./json-array-encoder.ts');
      return new JsonArrayEncoder();
    }
    case 'csv': {
      const { CsvEncoder } = await import('./csv-encoder.ts');
      return new CsvEncoder(uri);
    }
    case 'text': {
      const { TextEncoder } = await import('./text-encoder.ts');
      return rawText ? sameBytes : new TextEncoder();
    }
  }
}
