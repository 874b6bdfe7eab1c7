// The syntax tree of a rule, as far as cost and names need it.
import { type CelNode, childrenOf, isCelNode, reachable } from '../../../lang/expressions/index.ts';

/** A function or method call: its name, what it is called on, and its arguments. */
export interface Call {
  readonly name: string;
  readonly receiver: CelNode | undefined;
  readonly args: readonly CelNode[];
}

/** The call that a node is, or undefined. */
export function callOf(node: CelNode): Call | undefined {
  if (!Array.isArray(node.args)) return undefined;
  const [name, second, third] = Array.from<unknown>(node.args);
  if (typeof name !== 'string') return undefined;
  if (node.op === 'call') return { name, receiver: undefined, args: nodesIn(second) };
  if (node.op === 'rcall' && isCelNode(second)) return { name, receiver: second, args: nodesIn(third) };
  return undefined;
}

/** The nodes directly in an array. */
export function nodesIn(value: unknown): readonly CelNode[] {
  return Array.isArray(value) ? Array.from<unknown>(value).filter(isCelNode) : [];
}

/** The node of a loop's part (`iterable`, `step`, `init`), or undefined. */
export function partOf(node: CelNode, name: string): CelNode | undefined {
  const part = valueOf(node, name);
  return isCelNode(part) ? part : undefined;
}

/** The name of a loop's variable. */
export function loopVariable(node: CelNode): string {
  const name = valueOf(node, 'iterVarName');
  return typeof name === 'string' ? name : '';
}

function valueOf(node: CelNode, name: string): unknown {
  if (typeof node.args !== 'object' || node.args === null || !(name in node.args)) return undefined;
  return Reflect.get(node.args, name);
}

/** Whether a variable is spoken of anywhere. */
export function usesName(root: CelNode, name: string): boolean {
  for (const node of reachable(root)) if (node.op === 'id' && node.args === name) return true;
  return false;
}

const sized = new Set(['==', '!=', 'in', '+', 'call', 'rcall']);

/** Counts what evaluation does: one for each node, and a tenth of the size of what operators and functions are given. */
export function countCost(root: CelNode, spend: (cost: number) => void): void {
  const measured = new Set<CelNode>();
  const all = reachable(root);
  for (const node of all) {
    if (!sized.has(node.op)) continue;
    const call = callOf(node);
    const parts = call === undefined ? nodesIn(node.args) : [...call.args, ...(call.receiver ? [call.receiver] : [])];
    for (const part of parts) measured.add(resolved(part));
  }
  for (const node of all) {
    const { evaluate } = node.meta;
    const measures = measured.has(node);
    if (measures) {
      node.setMeta('evaluate', function measured(this: unknown, evaluator: unknown, tree: unknown, context: unknown) {
        spend(1);
        const value = evaluate.call(this, evaluator, tree, context);
        const size = sizeOf(value);
        if (size > 10) spend(size / 10);
        return value;
      });
    } else {
      node.setMeta('evaluate', function counted(this: unknown, evaluator: unknown, tree: unknown, context: unknown) {
        spend(1);
        return evaluate.call(this, evaluator, tree, context);
      });
    }
  }
}

// Macros stand for other nodes, which are the ones that are evaluated.
function resolved(node: CelNode): CelNode {
  return node.meta.alternate === undefined ? node : resolved(node.meta.alternate);
}

function sizeOf(value: unknown): number {
  if (typeof value === 'string' || value instanceof Uint8Array) return value.length;
  if (Array.isArray(value)) return value.length * 2;
  return value instanceof Map ? value.size * 2 : 1;
}

/** Children of a node, through macros. */
export const partsOf = childrenOf;
