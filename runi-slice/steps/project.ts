import { compileExpression, recordVariables } from '../../lang/expressions/index.ts';
import type { Batch } from '../flow/batch.ts';
import { membersOf } from '../flow/members.ts';
import { rejectingExpression } from './expression.ts';
import type { BatchStep, StepContext } from './step.ts';
import { fieldsOf } from './values.ts';

/** Makes each record anew: of the fields named (missing ones are left out), or of expressions over the old one. */
export function projectStep(
  context: StepContext,
  fields: readonly string[] | Readonly<Record<string, string>>,
): BatchStep {
  const makeRecord = Array.isArray(fields) ? pickFields(context, fields) : evaluateFields(context, fields);
  return {
    async process(batch) {
      for (let index = 0; index < batch.count; index++) {
        const made = makeRecord(batch, index);
        if (made === undefined) continue;
        context.emitter.text(made);
        if (context.emitter.crowded) await context.emitter.room();
      }
    },
  };
}

type MakeRecord = (batch: Batch, index: number) => string | undefined;

function pickFields(context: StepContext, names: readonly string[]): MakeRecord {
  const wanted = [...new Set(names)].map((name) => [name, JSON.stringify(name)] as const);
  return (batch, index) => {
    if (fieldsOf(context, batch, index) === undefined) return undefined;
    const members = membersOf(batch.buffer, batch.start(index), batch.end(index));
    const kept = wanted.filter(([name]) => members.has(name));
    return `{${kept.map(([name, quoted]) => `${quoted}:${members.get(name) ?? 'null'}`).join(',')}}`;
  };
}

function evaluateFields(context: StepContext, fields: object): MakeRecord {
  const compiled = compileFields(fields);
  return (batch, index) => {
    const values = evaluateAll(context, batch, index, compiled);
    return values === undefined ? undefined : `{${values.join(',')}}`;
  };
}

/** Named expressions, ready to run. */
export type CompiledFields = readonly (readonly [string, ReturnType<typeof compileExpression>])[];

/** A map of expressions, each compiled. Errors: as compileExpression. */
export function compileFields(fields: object): CompiledFields {
  return Object.entries(fields).map(
    ([name, text]) => [name, compileExpression(String(text), recordVariables)] as const,
  );
}

/** `"name":value` for each expression; undefined when one has no value: then the record is a dead letter. */
export function evaluateAll(
  context: StepContext,
  batch: Batch,
  index: number,
  fields: CompiledFields,
): string[] | undefined {
  const members: string[] = [];
  for (const [name, expression] of fields) {
    const value = rejectingExpression(context, batch, index, expression, name);
    if (value === undefined) return undefined;
    members.push(`${JSON.stringify(name)}:${JSON.stringify(value)}`);
  }
  return members;
}
