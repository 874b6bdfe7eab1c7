import type { Source } from '../flow/batch.ts';
import { openReader } from '../flow/byte-reader.ts';
import type { InputSpec, RecordFormat } from '../protocol/index.ts';
import { EdgeSource } from './edge.ts';
import { NdjsonSource, type SourceContext } from './ndjson.ts';

/** Opens one input of a step, with its contract when it has one that is checked as it is read. */
export async function openSource(spec: InputSpec, context: SourceContext): Promise<Source> {
  if (spec.kind === 'edge') {
    const origin = { name: spec.name, source: `edge:${spec.name}` };
    const reader = await openReader(spec.path, `input ${spec.name}`);
    return spec.framed ? new EdgeSource(reader, origin, context) : new NdjsonSource(reader, origin, context);
  }
  const origin = { name: spec.name, source: spec.uri };
  const reader = await openReader(spec.path, `source ${spec.uri}`);
  return openFormat(spec.format, reader, origin, context);
}

async function openFormat(
  format: RecordFormat,
  ...[reader, origin, context]: ConstructorParameters<typeof NdjsonSource>
): Promise<Source> {
  switch (format) {
    case 'ndjson':
      return new NdjsonSource(reader, origin, context);
    default:
      throw new Error(format);
  }
}
