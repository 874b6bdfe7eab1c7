import type { Source } from './flow/batch.ts';
import { SliceError } from './slice-error.ts';
import { mergeSources } from './sources/merge.ts';
import type { OpenedSource } from './sources/open-source.ts';
import { type BatchStep, pump, type StepContext } from './steps/step.ts';

/** Runs the step of the spec over its inputs, given in the spec's order. What only some steps need is loaded here. */
export async function runStep(sources: readonly OpenedSource[], context: StepContext): Promise<void> {
  const { spec } = context;
  const kinds = spec.inputs.map((input) => input.kind);
  const merged = (): Source =>
    mergeSources(
      sources.filter((_, index) => kinds[index] === 'edge'),
      sources.filter((_, index) => kinds[index] === 'file'),
    );
  switch (spec.use) {
    case 'exec': {
      const { runExec } = await import('./steps/exec.ts');
      return runExec(context, merged(), texts(spec.with['command'], 'command'));
    }
    case 'join': {
      const { runJoin } = await import('./steps/join.ts');
      return runJoin(context, sources);
    }
    case 'module': {
      const { runModule } = await import('./steps/module.ts');
      return runModule(context, merged());
    }
    default: {
      const step = await batchStep(context, sources);
      return pump(merged(), step, context);
    }
  }
}

async function batchStep(context: StepContext, sources: readonly OpenedSource[]): Promise<BatchStep> {
  const { spec } = context;
  switch (spec.use) {
    case 'filter': {
      const { filterStep } = await import('./steps/filter.ts');
      return filterStep(context, text(spec.with['where'], 'where'));
    }
    case 'project': {
      const { projectStep } = await import('./steps/project.ts');
      const { fields } = spec.with;
      return projectStep(context, Array.isArray(fields) ? texts(fields, 'fields') : textMap(fields, 'fields'));
    }
    case 'derive': {
      const { deriveStep } = await import('./steps/derive.ts');
      return deriveStep(context, textMap(spec.with['fields'], 'fields'));
    }
    case 'validate': {
      const { passStep, validateStep } = await import('./steps/validate.ts');
      const { contract } = spec;
      if (contract === undefined) throw new SliceError('InvalidStep', 'validate has no contract');
      return sources.every(({ checked }) => checked === contract) ? passStep(context) : validateStep(context, contract);
    }
    case 'aggregate': {
      const { aggregateStep } = await import('./steps/aggregate.ts');
      const by = spec.with['by'] === undefined ? [] : texts(spec.with['by'], 'by');
      return aggregateStep(context, by, textMap(spec.with['values'], 'values'));
    }
    case 'dedupe': {
      const { dedupeStep } = await import('./steps/dedupe.ts');
      return dedupeStep(context, texts(spec.with['by'], 'by'), spec.with['reject'] === true);
    }
    default:
      throw new SliceError('InvalidStep', `there is no step "${spec.use}"`);
  }
}

// The pipeline controller has checked `with` against its schema; what comes otherwise is still refused here.
function text(value: unknown, field: string): string {
  if (typeof value === 'string') return value;
  throw new SliceError('InvalidStep', `with.${field} is not a text`);
}

function texts(value: unknown, field: string): readonly string[] {
  if (Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === 'string')) return value;
  throw new SliceError('InvalidStep', `with.${field} is not a list of texts`);
}

function textMap(value: unknown, field: string): Readonly<Record<string, string>> {
  const entries =
    typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.entries(value) : undefined;
  if (entries === undefined) throw new SliceError('InvalidStep', `with.${field} is not a map`);
  return Object.fromEntries(entries.map(([name, item]) => [name, text(item, `${field}.${name}`)]));
}
