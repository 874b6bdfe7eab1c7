import { compileExpression } from './cel.ts';
import { ExpressionError } from './expression-error.ts';
import type { Problem } from './problem.ts';

/** What step expressions see: the record, and the run's parameters. */
export const recordVariables = ['record', 'params'] as const;

/** What is wrong with an expression: nothing, or one problem at `path`. `bool` demands that its value can be a bool. */
export function checkExpression(
  text: string,
  options: { readonly path?: string; readonly variables?: readonly string[]; readonly result?: 'bool' } = {},
): Problem[] {
  const path = options.path ?? '';
  try {
    const { type } = compileExpression(text, options.variables ?? recordVariables);
    if (options.result === 'bool' && type !== 'bool' && type !== 'dyn')
      return [{ path, message: `"${text}" gives a ${type}, a bool is needed` }];
    return [];
  } catch (cause) {
    if (cause instanceof ExpressionError) return [{ path, message: `"${text}": ${cause.message}` }];
    throw cause;
  }
}
