// Walks over cel-js's syntax tree. Two things its environment cannot express: `matches` must not backtrack (it is built in
// and cannot be overridden), and loops need a budget.
import { ExpressionError } from './expression-error.ts';
import { compilePattern } from './regex.ts';

/** A node as cel-js 8.0.0 makes it; macros keep what they stand for in `meta`. */
export interface CelNode {
  readonly op: string;
  readonly args: unknown;
  readonly meta: {
    readonly evaluate: (...args: unknown[]) => unknown;
    readonly alternate?: CelNode;
    readonly macro?: Readonly<Record<string, unknown>>;
  };
  setMeta(key: string, value: unknown): unknown;
}

/** Loops within loops: more would make the cost a power of the record's size. */
export const loopDepthMax = 2;

/** Renames every `x.matches(pattern)` to `name`; a literal pattern is compiled at once, so that a bad one is refused here. */
export function replaceMatches(root: CelNode, name: string): void {
  for (const node of reachable(root)) {
    if (node.op !== 'rcall' || !Array.isArray(node.args) || node.args[0] !== 'matches') continue;
    node.args[0] = name;
    const [pattern]: readonly unknown[] = Array.isArray(node.args[2]) ? Array.from<unknown>(node.args[2]) : [];
    if (!isCelNode(pattern) || pattern.op !== 'value' || typeof pattern.args !== 'string') continue;
    try {
      compilePattern(pattern.args);
    } catch (cause) {
      throw new ExpressionError(
        `pattern ${JSON.stringify(pattern.args)}: ${cause instanceof Error ? cause.message : String(cause)}`,
      );
    }
  }
}

/** Calls `onStep` before each turn of each loop; refuses loops nested deeper than loopDepthMax. Call it after the check. */
export function countSteps(root: CelNode, onStep: () => void): void {
  if (loopDepth(root, new Set()) > loopDepthMax)
    throw new ExpressionError(`nests all, exists, map or filter deeper than ${loopDepthMax}`);
  for (const node of reachable(root)) {
    if (node.op !== 'comprehension') continue;
    const step = childOf(node.args, 'step');
    if (step === undefined) continue;
    const evaluate = step.meta.evaluate;
    step.setMeta('evaluate', (...args: unknown[]) => {
      onStep();
      return evaluate(...args);
    });
  }
}

function loopDepth(node: CelNode, above: Set<CelNode>): number {
  if (above.has(node)) return 0;
  const path = new Set(above).add(node);
  let deepest = 0;
  for (const child of childrenOf(node)) deepest = Math.max(deepest, loopDepth(child, path));
  return deepest + (node.op === 'comprehension' ? 1 : 0);
}

/** A node and all that its evaluation can come to. */
export function reachable(root: CelNode): Set<CelNode> {
  const seen = new Set<CelNode>([root]);
  // A set yields what is added while it is walked.
  for (const node of seen) for (const child of childrenOf(node)) seen.add(child);
  return seen;
}

/** What a node's evaluation may turn to next: what a macro stands for, else its parts. */
export function childrenOf(node: CelNode): CelNode[] {
  if (node.meta.alternate !== undefined) return [node.meta.alternate];
  return [...nodesIn(node.args), ...nodesIn(node.meta.macro)];
}

function nodesIn(value: unknown): CelNode[] {
  if (isCelNode(value)) return [value];
  if (Array.isArray(value)) return value.flatMap(nodesIn);
  if (typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype)
    return Object.values(value).flatMap(nodesIn);
  return [];
}

function childOf(value: unknown, name: string): CelNode | undefined {
  if (typeof value !== 'object' || value === null || !(name in value)) return undefined;
  const child: unknown = Reflect.get(value, name);
  return isCelNode(child) ? child : undefined;
}

/** Whether a value is a node of a syntax tree. */
export function isCelNode(value: unknown): value is CelNode {
  return typeof value === 'object' && value !== null && 'op' in value && 'meta' in value && 'args' in value;
}
