// User code. The module shares the sandbox with us, so nothing here guards against malice, only against mistakes.
import { pathToFileURL } from 'node:url';
import type { Source } from '../flow/batch.ts';
import type { AggregateStep, FilterStep, MapStep } from '../sdk.ts';
import { messageOf, SliceError } from '../slice-error.ts';
import { aggregateModule } from './module-aggregate.ts';
import { ModuleContext } from './module-context.ts';
import { type BatchStep, pump, type StepContext } from './step.ts';

/** Imports the module and runs its export over the records. */
export async function runModule(context: StepContext, source: Source): Promise<void> {
  const step = await loadStep(context);
  const module = new ModuleContext(context);
  if (typeof step === 'function') return runGenerator(context, source, step, module);
  switch (step.kind) {
    case 'map':
      return pump(source, mapModule(context, step, module), context);
    case 'filter':
      return pump(source, filterModule(context, step, module), context);
    case 'aggregate':
      return pump(source, aggregateModule(context, step, module), context);
  }
}

type Generator = (records: AsyncIterable<unknown>, context: ModuleContext) => AsyncIterable<unknown>;
type ModuleStep = MapStep<unknown> | FilterStep<unknown> | AggregateStep<unknown, unknown> | Generator;

async function loadStep({ spec }: StepContext): Promise<ModuleStep> {
  if (spec.module === undefined) throw new SliceError('InvalidStep', 'the step has no module');
  const { path, export: name } = spec.module;
  let exports: Readonly<Record<string, unknown>>;
  try {
    exports = (await import(pathToFileURL(path).href)) as Readonly<Record<string, unknown>>;
  } catch (cause) {
    throw new SliceError('InvalidStep', `load the step's module: ${messageOf(cause)}`, { cause });
  }
  const found = exports[name];
  if (found === undefined)
    throw new SliceError(
      'InvalidStep',
      `the module has no export ${name}; it has ${Object.keys(exports).join(', ') || 'none'}`,
    );
  if (isModuleStep(found)) return found;
  throw new SliceError(
    'InvalidStep',
    `export ${name} is no step: make it with map, filter or aggregate of 'runink', or as an async generator function`,
  );
}

function isModuleStep(value: unknown): value is ModuleStep {
  if (typeof value === 'function') return true;
  if (typeof value !== 'object' || value === null || !('kind' in value)) return false;
  if (value.kind === 'aggregate') return 'key' in value && 'add' in value && 'emit' in value;
  return (value.kind === 'map' || value.kind === 'filter') && 'run' in value && typeof value.run === 'function';
}

function mapModule(context: StepContext, step: MapStep<unknown>, module: ModuleContext): BatchStep {
  return {
    async process(batch) {
      for (let index = 0; index < batch.count; index++) {
        module.present(batch, index);
        try {
          const returned = step.run(batch.value(index), module);
          const made: unknown = returned instanceof Promise ? await returned : returned;
          if (!module.rejected) module.giveAll(made);
        } catch (cause) {
          module.threw(cause);
        }
        module.settle();
        if (context.emitter.crowded) await context.emitter.room();
      }
    },
  };
}

function filterModule(context: StepContext, step: FilterStep<unknown>, module: ModuleContext): BatchStep {
  return {
    async process(batch) {
      for (let index = 0; index < batch.count; index++) {
        module.present(batch, index);
        try {
          const returned = step.run(batch.value(index), module);
          const kept = returned instanceof Promise ? await returned : returned;
          if (kept && !module.rejected) context.emitter.record(batch, index);
        } catch (cause) {
          module.threw(cause);
        }
        module.settle();
        if (context.emitter.crowded) await context.emitter.room();
      }
    },
  };
}

// The general form sees the whole stream; a throw ends the step, since nobody knows which records were lost in it.
async function runGenerator(
  context: StepContext,
  source: Source,
  generate: Generator,
  module: ModuleContext,
): Promise<void> {
  const { emitter, letters, signal } = context;
  async function* records(): AsyncGenerator<unknown> {
    for (let batch = await source.next(); batch !== undefined; batch = await source.next()) {
      signal.throwIfAborted();
      for (let index = 0; index < batch.count; index++) {
        module.present(batch, index);
        yield batch.value(index);
        module.settle();
      }
      letters.flush();
      await emitter.room();
    }
  }
  try {
    for await (const made of generate(records(), module)) {
      if (made !== null && made !== undefined) module.give(made);
      if (emitter.crowded) await emitter.room();
    }
  } catch (cause) {
    if (cause instanceof SliceError || signal.aborted) throw cause;
    throw new SliceError('StepFailed', `${context.spec.module?.export ?? 'the step'} threw: ${messageOf(cause)}`, {
      cause,
    });
  }
  module.settle();
  // A generator that stops early leaves records unread: they are still owed to whoever sends them.
  for (let batch = await source.next(); batch !== undefined; batch = await source.next()) signal.throwIfAborted();
  letters.flush();
  await emitter.room();
}
