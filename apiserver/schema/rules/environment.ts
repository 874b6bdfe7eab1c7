// Compiling rules: the CEL library with Kubernetes' functions and the types of one schema.
import { Environment } from '@marcbachmann/cel-js';
import { type CelNode, ExpressionError, reachable, replaceMatches } from '../../../lang/expressions/index.ts';
import type { CelType, CelTypes } from './cel-types.ts';
import { linearMatches, matching, registerLibrary } from './library.ts';
import { idOf } from './same.ts';
import { countCost, usesName } from './tree.ts';

/** Longest text of a rule, and most nodes in its tree. */
export const ruleLengthMax = 16_384;
const ruleNodesMax = 4096;

/** Why a rule cannot be one. */
export class RuleRefused extends Error {
  override readonly name = 'RuleRefused';
}

/** Thrown when an evaluation costs more than it may. */
export class OverBudget extends Error {
  override readonly name = 'OverBudget';
}

/** A compiled expression; not reentrant. */
export interface Program {
  /** The static type of its value. */
  readonly type: string;
  readonly usesOldSelf: boolean;
  readonly tree: CelNode;
  /** The value, and what it cost. Errors: OverBudget; others say why there is no value. */
  evaluate(
    variables: Readonly<Record<string, unknown>>,
    costMax: number,
  ): { readonly value: unknown; readonly cost: number };
}

let base: Environment | undefined;

function baseEnvironment(): Environment {
  if (base === undefined) {
    base = new Environment({
      homogeneousAggregateLiterals: false,
      enableOptionalTypes: true,
      limits: { maxAstNodes: ruleNodesMax, maxDepth: 64 },
    });
    registerLibrary(base);
  }
  return base;
}

/** An environment in which `self` has a type, and `oldSelf` the same one or an optional of it. */
export function environmentFor(types: CelTypes, self: CelType, optionalOldSelf: boolean): Environment {
  const environment = baseEnvironment().clone();
  for (const { name, ctor, fields } of types.declarations) environment.registerType(name, { ctor, fields });
  for (const { name } of types.declarations) {
    const isSame = (a: unknown, b: unknown): boolean => idOf(a) === idOf(b);
    environment.registerOperator(`${name} == ${name}`, isSame);
    environment.registerOperator(`${name} == null`, (a: unknown) => a === null);
  }
  environment.registerVariable('self', self.name);
  environment.registerVariable('oldSelf', optionalOldSelf ? `optional<${self.name}>` : self.name);
  return environment;
}

/** Compiles an expression. Errors: RuleRefused, with the place in the text. */
export function compileProgram(environment: Environment, text: string): Program {
  if (text.length > ruleLengthMax) {
    throw new RuleRefused(`the expression has ${text.length} characters, at most ${ruleLengthMax} are allowed`);
  }
  try {
    const parsed = environment.parse(text);
    // The library's types are read-only, its nodes are not (see lang/expressions/cel-tree.ts).
    const tree = parsed.ast as unknown as CelNode;
    replaceMatches(tree, linearMatches);
    const checked = parsed.check();
    if (!checked.valid) throw checked.error ?? new Error('is not valid');
    // A variable may stand for a constant of the library, so names are looked for once all is known.
    const usesOldSelf = usesName(tree, 'oldSelf');
    const budget = { left: 0, isOver: false };
    if (reachable(tree).size > ruleNodesMax * 4) throw new RuleRefused('the expression is too large');
    const spend = (cost: number): void => {
      budget.left -= cost;
      if (budget.left >= 0) return;
      budget.isOver = true;
      throw new OverBudget('operation cancelled: actual cost limit exceeded');
    };
    countCost(tree, spend);
    return {
      type: checked.type ?? 'dyn',
      usesOldSelf,
      tree,
      evaluate(variables, costMax) {
        budget.left = costMax;
        budget.isOver = false;
        matching.spend = spend;
        let value: unknown;
        try {
          value = parsed(variables);
        } catch (error) {
          // `||` and `exists` go on after an error, so that it may not be this one that comes out.
          throw budget.isOver ? new OverBudget('operation cancelled: actual cost limit exceeded') : error;
        }
        if (budget.isOver) throw new OverBudget('operation cancelled: actual cost limit exceeded');
        return { value, cost: Math.ceil(costMax - budget.left) };
      },
    };
  } catch (error) {
    throw refused(text, error);
  }
}

// As Kubernetes shows it: place, words, the line, and a mark below the place.
function refused(text: string, error: unknown): RuleRefused {
  if (error instanceof RuleRefused) return error;
  const summary = summaryOf(error).replaceAll(/\s+/g, ' ');
  const start = Math.min(startOf(error), text.length);
  const before = text.slice(0, start);
  const line = before.split('\n').length;
  const column = start - before.lastIndexOf('\n');
  const shown = text.split('\n')[line - 1] ?? '';
  return new RuleRefused(`ERROR: <input>:${line}:${column}: ${summary}\n | ${shown}\n | ${'.'.repeat(column - 1)}^`);
}

function summaryOf(error: unknown): string {
  if (error instanceof ExpressionError) return error.message;
  if (!(error instanceof Error)) return String(error);
  const summary: unknown = Reflect.get(error, 'summary');
  return typeof summary === 'string' ? summary : error.message;
}

function startOf(error: unknown): number {
  const range: unknown = error instanceof Error ? Reflect.get(error, 'range') : undefined;
  const start: unknown = typeof range === 'object' && range !== null ? Reflect.get(range, 'start') : undefined;
  return typeof start === 'number' ? start : 0;
}
