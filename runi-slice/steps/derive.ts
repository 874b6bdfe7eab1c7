import { membersOf } from '../flow/members.ts';
import { compileFields, evaluateAll } from './project.ts';
import type { BatchStep, StepContext } from './step.ts';
import { fieldsOf } from './values.ts';

/**
 * Adds fields, each computed from the record as it came in. A record that has none of them keeps its bytes, with the new
 * fields appended; only one whose field is replaced is written anew.
 */
export function deriveStep(context: StepContext, fields: Readonly<Record<string, string>>): BatchStep {
  const compiled = compileFields(fields);
  const names = new Set(compiled.map(([name]) => name));
  return {
    async process(batch) {
      const { emitter } = context;
      for (let index = 0; index < batch.count; index++) {
        const record = fieldsOf(context, batch, index);
        const members = record === undefined ? undefined : evaluateAll(context, batch, index, compiled);
        if (record === undefined || members === undefined) continue;
        const old = Object.keys(record);
        if (old.length > 0 && !old.some((name) => names.has(name)))
          emitter.extended(batch, index, `,${members.join(',')}`);
        else {
          const kept = [...membersOf(batch.buffer, batch.start(index), batch.end(index))]
            .filter(([name]) => !names.has(name))
            .map(([name, value]) => `${JSON.stringify(name)}:${value}`);
          emitter.text(`{${[...kept, ...members].join(',')}}`);
        }
        if (emitter.crowded) await emitter.room();
      }
    },
  };
}
