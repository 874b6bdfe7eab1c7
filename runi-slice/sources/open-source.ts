import type { Batch, Source } from '../flow/batch.ts';
import { openReader } from '../flow/byte-reader.ts';
import type { ContractSpec, InputSpec } from '../protocol/index.ts';
import { EdgeSource } from './edge.ts';
import { LineSource, type SourceContext } from './lines.ts';
import { contractCheck, type RecordCheck, syntaxCheck } from './record-check.ts';

/** An input that is open. */
export interface OpenedSource extends Source {
  /** Its records have passed this contract already. */
  readonly checked?: ContractSpec;
}

/**
 * Opens one input of a step. Its own contract is checked as it is read; without one, `wanted` (the contract that the step
 * is going to check) is, where that saves reading records twice.
 */
export async function openSource(
  spec: InputSpec,
  context: SourceContext,
  wanted?: ContractSpec,
): Promise<OpenedSource> {
  if (spec.kind === 'edge') {
    const origin = { name: spec.name, source: `edge:${spec.name}` };
    const reader = await openReader(spec.path, `input ${spec.name}`);
    if (spec.framed) return new EdgeSource(reader, origin, context);
    return new LineSource(reader, origin, context, syntaxCheck(context.letters));
  }
  const contract = spec.contract ?? wanted;
  const check = contract === undefined ? syntaxCheck(context.letters) : await contractCheck(context.letters, contract);
  const source = await openFile(spec, context, check, contract);
  return {
    next: (): Promise<Batch | undefined> => source.next(),
    close: (): Promise<void> => source.close(),
    ...(contract === undefined ? {} : { checked: contract }),
  };
}

async function openFile(
  spec: InputSpec & { readonly kind: 'file' },
  context: SourceContext,
  check: RecordCheck,
  contract: ContractSpec | undefined,
): Promise<Source> {
  const origin = { name: spec.name, source: spec.uri };
  const reader = await openReader(spec.path, `source ${spec.uri}`);
  switch (spec.format) {
    case 'ndjson':
      return new LineSource(reader, origin, context, check);
    case 'json': {
      const { JsonArraySource } = await import('./json-array.ts');
      return new JsonArraySource(reader, origin, context, check);
    }
    case 'csv': {
      const { CsvSource } = await import('./csv.ts');
      return new CsvSource(reader, origin, context, check, contract);
    }
    case 'text': {
      const { TextSource } = await import('./text.ts');
      return new TextSource(reader, origin, context, check);
    }
  }
}
