import { ExpressionError } from './expression-error.ts';

/** One value of an aggregate: what is gathered, and the expression it is gathered from ('' for `count()`). */
export interface AggregateValue {
  readonly kind: 'count' | 'sum' | 'avg' | 'min' | 'max';
  readonly expression: string;
}

/** Reads `count()`, `count(EXPR)`, `sum(EXPR)`, `avg(EXPR)`, `min(EXPR)` or `max(EXPR)`; throws ExpressionError. */
export function parseAggregateValue(text: string): AggregateValue {
  const found = call.exec(text);
  const kind = kinds.find((name) => name === found?.[1]);
  const expression = found?.[2]?.trim();
  if (kind === undefined || expression === undefined)
    throw new ExpressionError(`"${text}" is none of count(), count(EXPR), sum(EXPR), avg(EXPR), min(EXPR), max(EXPR)`);
  if (expression === '' && kind !== 'count')
    throw new ExpressionError(`${kind}() needs an expression, e.g. ${kind}(record.x)`);
  return { kind, expression };
}

const kinds = ['count', 'sum', 'avg', 'min', 'max'] as const;
const call = /^\s*([a-z]+)\s*\(([\s\S]*)\)\s*$/;
