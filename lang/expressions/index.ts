export { type AggregateValue, parseAggregateValue } from './aggregate-value.ts';
export { compileExpression, type Expression } from './cel.ts';
export { type CelNode, childrenOf, isCelNode, reachable, replaceMatches } from './cel-tree.ts';
export { checkExpression, recordVariables } from './check.ts';
export { checkWith } from './check-with.ts';
export { ExpressionError } from './expression-error.ts';
export { type JoinOn, parseJoinOn } from './join-on.ts';
export type { Problem } from './problem.ts';
export { compilePattern, type Pattern } from './regex.ts';
