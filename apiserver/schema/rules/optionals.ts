// `optMap` and `optFlatMap`, which the CEL package has not: macros over an optional and a name for its value.
import { type Environment, Optional } from '@marcbachmann/cel-js';
import type { CelNode } from '../../../lang/expressions/index.ts';
import { RuleError } from './rule-error.ts';

// The inside of the package as far as a macro meets it (its version is pinned; a test holds each of these).
interface Type {
  readonly kind: string;
  readonly valueType?: Type;
}
interface Context {
  forkWithVariable(name: string, type: Type): Context;
  reuse(parent: Context): Context;
  setIterValue(value: unknown, evaluator: Evaluator): Context;
}
interface Checker {
  readonly dynType: Type;
  readonly registry: { getOptionalType(type: Type): Type };
  check(node: CelNode, context: Context): Type;
  createError(code: string, message: string, node: CelNode): Error;
}
interface Evaluator {
  run(node: CelNode, context: Context): unknown;
}
interface Given {
  readonly receiver: CelNode;
  readonly args: readonly CelNode[];
}
interface Macro {
  readonly receiver: CelNode;
  readonly body: CelNode;
  readonly name: string;
  readonly isFlat: boolean;
  inner: Context | undefined;
  readonly async: false;
  readonly typeCheck: (checker: Checker, macro: Macro, context: Context) => Type;
  readonly evaluate: (evaluator: Evaluator, macro: Macro, context: Context) => unknown;
}

/** Adds the two macros. */
export function registerOptionals(environment: Environment): void {
  environment.registerFunction('optional.optMap(ast, ast): optional<dyn>', (given: Given) => macroOf(given, false));
  environment.registerFunction('optional.optFlatMap(ast, ast): optional<dyn>', (given: Given) => macroOf(given, true));
}

function macroOf({ receiver, args: [name, body] }: Given, isFlat: boolean): Macro {
  if (name?.op !== 'id' || typeof name.args !== 'string' || body === undefined) {
    throw new RuleError('optMap() variable name must be a simple identifier');
  }
  return { receiver, body, name: name.args, isFlat, inner: undefined, async: false, typeCheck, evaluate };
}

function typeCheck(checker: Checker, macro: Macro, context: Context): Type {
  const optional = checker.check(macro.receiver, context);
  if (optional.kind !== 'optional' && optional.kind !== 'dyn') {
    throw checker.createError('optional_expected', 'optMap() is for optional values', macro.receiver);
  }
  macro.inner = context.forkWithVariable(macro.name, optional.valueType ?? checker.dynType);
  const type = checker.check(macro.body, macro.inner);
  if (!macro.isFlat) return checker.registry.getOptionalType(type);
  if (type.kind === 'optional' || type.kind === 'dyn') return type;
  throw checker.createError('optional_expected', 'optFlatMap() must give an optional value', macro.body);
}

function evaluate(evaluator: Evaluator, macro: Macro, context: Context): unknown {
  const optional = evaluator.run(macro.receiver, context);
  if (!(optional instanceof Optional) || macro.inner === undefined || !optional.hasValue()) return Optional.none();
  const inner = macro.inner.reuse(context).setIterValue(optional.value(), evaluator);
  const value = evaluator.run(macro.body, inner);
  return macro.isFlat ? value : Optional.of(value);
}
