import { compileExpression, recordVariables } from '../../lang/expressions/index.ts';
import { rejectingExpression } from './expression.ts';
import type { BatchStep, StepContext } from './step.ts';

/** Keeps the records for which `where` is true, byte for byte. One for which it has no bool goes to the dead letters. */
export function filterStep(context: StepContext, where: string): BatchStep {
  const expression = compileExpression(where, recordVariables);
  return {
    process(batch) {
      batch.retain((index) => {
        const value = rejectingExpression(context, batch, index, expression, 'where');
        if (value === undefined || value === true) return value === true;
        if (value === false) return false;
        context.letters.addFrom(batch, index, {
          code: 'expression',
          path: '',
          reason: `where gives no bool but ${JSON.stringify(value)}`,
        });
        return false;
      });
      context.emitter.batch(batch);
    },
  };
}
