import type { AggregateStep } from '../sdk.ts';
import { messageOf, SliceError } from '../slice-error.ts';
import type { ModuleContext } from './module-context.ts';
import type { BatchStep, StepContext } from './step.ts';
import { compareValues, isFields, ownField } from './values.ts';

/** User code's aggregate: one state a key, all in memory until the end. */
export function aggregateModule(
  context: StepContext,
  step: AggregateStep<unknown, unknown>,
  module: ModuleContext,
): BatchStep {
  const states = new Map<string, { readonly key: unknown; state: unknown }>();
  return {
    process(batch) {
      for (let index = 0; index < batch.count; index++) {
        module.present(batch, index);
        try {
          const record = batch.value(index);
          const key = keyOf(step, record);
          const id = JSON.stringify(key) ?? '';
          const known = states.get(id) ?? { key, state: firstState(step, key) };
          const added = step.add(known.state, record, module);
          if (!module.rejected) {
            if (added !== undefined) known.state = added;
            states.set(id, known);
          }
        } catch (cause) {
          module.threw(cause);
        }
        module.settle();
      }
    },
    async finish() {
      const sorted = [...states.values()].sort((a, b) => compareValues(a.key, b.key));
      for (const { key, state } of sorted) {
        try {
          module.giveAll(step.emit(key, state, module));
        } catch (cause) {
          const name = context.spec.module?.export ?? 'the step';
          throw new SliceError(
            'StepFailed',
            `emit of ${name} threw for key ${JSON.stringify(key)}: ${messageOf(cause)}`,
            { cause },
          );
        }
        if (context.emitter.crowded) await context.emitter.room();
      }
    },
  };
}

function keyOf(step: AggregateStep<unknown, unknown>, record: unknown): unknown {
  const { key } = step;
  if (typeof key === 'function') return key(record);
  if (!isFields(record)) throw new Error('the record is no object');
  return typeof key === 'string' ? (ownField(record, key) ?? null) : key.map((name) => ownField(record, name) ?? null);
}

function firstState(step: AggregateStep<unknown, unknown>, key: unknown): unknown {
  const { init } = step;
  return typeof init === 'function' ? (init as (key: unknown) => unknown)(key) : structuredClone(init);
}
