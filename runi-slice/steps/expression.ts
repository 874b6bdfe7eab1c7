import { type Expression, ExpressionError } from '../../lang/expressions/index.ts';
import type { Batch } from '../flow/batch.ts';
import type { StepContext } from './step.ts';

/**
 * The value of an expression for a record of a batch; undefined when there is none: then the record went to the dead
 * letters (code `expression`), with `name` saying which expression it was.
 */
export function rejectingExpression(
  context: StepContext,
  batch: Batch,
  index: number,
  expression: Expression,
  name: string,
): unknown {
  try {
    return expression.evaluate({ record: batch.value(index), params: context.spec.parameters });
  } catch (cause) {
    if (!(cause instanceof ExpressionError)) throw cause;
    context.letters.addFrom(batch, index, { code: 'expression', path: '', reason: `${name}: ${cause.message}` });
    return undefined;
  }
}
