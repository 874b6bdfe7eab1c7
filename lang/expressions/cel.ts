// CEL expressions over records. Records come from JSON, so their numbers are doubles; a literal like 15 is an int, and
// mixed arithmetic is allowed. Results are plain JSON values again.
import { type ASTNode, Environment } from '@marcbachmann/cel-js';
import { type CelNode, countSteps, replaceMatches } from './cel-tree.ts';
import { ExpressionError } from './expression-error.ts';
import { compilePattern, type Pattern } from './regex.ts';

/** Longest text of one expression. */
export const expressionLengthMax = 4096;
/** Most nodes in one expression's tree. */
export const expressionNodesMax = 512;
/** Most list elements that one evaluation may visit in all, exists, map and filter together. */
export const evaluationStepsMax = 100_000;
/** Patterns that are computed from a record and kept compiled. */
const patternsKeptMax = 256;

/** A compiled expression; not reentrant. */
export interface Expression {
  /** The static type as CEL names it; `dyn` when it depends on the record. */
  readonly type: string;
  /** The value as plain JSON; throws ExpressionError. */
  evaluate(bindings: Readonly<Record<string, unknown>>): unknown;
}

/** Compiles `text` over the given variables; throws ExpressionError. */
export function compileExpression(text: string, variables: readonly string[]): Expression {
  if (text.length > expressionLengthMax)
    throw new ExpressionError(`has ${text.length} characters, at most ${expressionLengthMax} are allowed`);
  const steps = { left: evaluationStepsMax };
  try {
    const parsed = environmentFor(variables).parse(text);
    // The tree is rewritten in place: the library's types are read-only, its nodes are not.
    const tree = parsed.ast as unknown as CelNode;
    replaceMatches(tree, linearMatches);
    const checked = parsed.check();
    if (!checked.valid) throw checked.error ?? new Error('is not valid');
    countSteps(tree, () => {
      if (--steps.left < 0) throw new ExpressionError(`visits more than ${evaluationStepsMax} list elements`);
    });
    return {
      type: checked.type ?? 'dyn',
      evaluate(bindings) {
        steps.left = evaluationStepsMax;
        try {
          return plain(parsed(bindings), 0);
        } catch (cause) {
          throw said(cause);
        }
      },
    };
  } catch (cause) {
    throw said(cause);
  }
}

const linearMatches = 'matchesLinear';
const environments = new Map<string, Environment>();

function environmentFor(variables: readonly string[]): Environment {
  const key = variables.join(' ');
  const known = environments.get(key);
  if (known !== undefined) return known;
  const environment = baseEnvironment().clone();
  for (const name of variables) environment.registerVariable(name, 'dyn');
  if (environments.size > 64) environments.clear();
  environments.set(key, environment);
  return environment;
}

let base: Environment | undefined;
function baseEnvironment(): Environment {
  if (base !== undefined) return base;
  const made = new Environment({
    homogeneousAggregateLiterals: false,
    limits: { maxAstNodes: expressionNodesMax, maxDepth: 48 },
  });
  const mixed: Record<string, (a: number, b: number) => number> = {
    '+': (a, b) => a + b,
    '-': (a, b) => a - b,
    '*': (a, b) => a * b,
    '/': (a, b) => a / b,
    '%': (a, b) => a % b,
  };
  for (const [operator, of] of Object.entries(mixed)) {
    made.registerOperator(`double ${operator} int`, (a: number, b: bigint) => of(a, Number(b)));
    made.registerOperator(`int ${operator} double`, (a: bigint, b: number) => of(Number(a), b));
  }
  made.registerOperator('double % double', (a: number, b: number) => a % b);
  const patterns = new Map<string, Pattern>();
  made.registerFunction(`string.${linearMatches}(string): bool`, (text: string, source: string) => {
    let pattern = patterns.get(source);
    if (pattern === undefined) {
      if (patterns.size >= patternsKeptMax) patterns.clear();
      pattern = compilePattern(source);
      patterns.set(source, pattern);
    }
    return pattern.test(text);
  });
  base = made;
  return made;
}

// JSON again: ints become numbers when they fit exactly, timestamps and durations their text; the rest has no JSON form.
function plain(value: unknown, depth: number): unknown {
  if (depth > 64) throw new ExpressionError('gives a value nested deeper than 64');
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value;
    case 'number':
      if (!Number.isFinite(value)) throw new ExpressionError(`gives ${value}, which JSON cannot hold`);
      return value;
    case 'bigint':
      if (value > BigInt(Number.MAX_SAFE_INTEGER) || value < BigInt(Number.MIN_SAFE_INTEGER))
        throw new ExpressionError(`gives the int ${value}, outside of plus or minus 2^53`);
      return Number(value);
    case 'object': {
      if (value === null) return null;
      if (Array.isArray(value)) return value.map((item) => plain(item, depth + 1));
      if (value instanceof Date) return value.toISOString();
      const kind: unknown = Object.getPrototypeOf(value);
      if (kind === Object.prototype || kind === null)
        return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, plain(item, depth + 1)]));
      throw new ExpressionError(`gives a ${value.constructor.name}, which JSON cannot hold`);
    }
    default:
      throw new ExpressionError(`gives a ${typeof value}, which JSON cannot hold`);
  }
}

function said(cause: unknown): ExpressionError {
  if (cause instanceof ExpressionError) return cause;
  if (cause instanceof Promise) return new ExpressionError('is asynchronous');
  const summary = cause instanceof Error && 'summary' in cause ? String(cause.summary) : String(cause);
  const range = cause instanceof Error && 'range' in cause ? (cause.range as ASTNode['range'] | undefined) : undefined;
  const at = range === undefined ? '' : ` (at character ${range.start + 1})`;
  return new ExpressionError(`${summary.replace(/\s+/g, ' ')}${at}`, { cause });
}
