import { entryBytes, MemoryBudget } from './memory-budget.ts';
import type { BatchStep, StepContext } from './step.ts';
import { fieldsOf } from './values.ts';

/**
 * Keeps the first record for each value of the `by` fields (a missing field equals another missing one, not null), byte for
 * byte. The others are dropped, or with `reject` become dead letters (code `duplicate`).
 */
export function dedupeStep(context: StepContext, by: readonly string[], reject: boolean): BatchStep {
  const seen = new Set<string>();
  const budget = new MemoryBudget(context.spec.memoryBytesMax, `dedupe by ${by.join(', ')}`);
  return {
    process(batch) {
      batch.retain((index) => {
        const record = fieldsOf(context, batch, index);
        if (record === undefined) return false;
        const key = by.map((name) => (Object.hasOwn(record, name) ? JSON.stringify(record[name]) : '')).join('\n');
        if (!seen.has(key)) {
          budget.add(entryBytes + key.length);
          seen.add(key);
          return true;
        }
        if (reject) {
          const reason = `an earlier record has the same ${by.join(', ')}`;
          context.letters.addFrom(batch, index, {
            code: 'duplicate',
            path: by.length === 1 ? `$.${by[0] ?? ''}` : '',
            reason,
          });
        }
        return false;
      });
      context.emitter.batch(batch);
    },
  };
}
