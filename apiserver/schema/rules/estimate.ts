// What a rule can cost at most, estimated from the limits of its schema before there is any value: a rule that could take
// long over a large object is refused when it is defined. Costs are counted as evaluation counts them (tree.ts).
import type { CelNode } from '../../../lang/expressions/index.ts';
import { type Bound, requestBytesMax } from './bounds.ts';
import { callOf, loopVariable, nodesIn, partOf, partsOf } from './tree.ts';

/** What an expression costs and how large its value can be. */
interface Estimate {
  readonly cost: number;
  readonly bound: Bound;
}

type Scope = ReadonlyMap<string, Bound>;

const scalar: Bound = { max: 1, minBytes: 1 };
const unknown: Bound = { max: requestBytesMax, minBytes: 1 };

/** The most that an expression over `self` can cost. */
export function estimatedCost(tree: CelNode, self: Bound): number {
  const scope = new Map([
    ['self', self],
    ['oldSelf', self],
  ]);
  return estimate(tree, scope).cost;
}

function estimate(node: CelNode, scope: Scope): Estimate {
  const { alternate } = node.meta;
  if (alternate !== undefined) return estimate(alternate, scope);
  switch (node.op) {
    case 'value':
      return { cost: 0, bound: typeof node.args === 'string' ? { max: node.args.length, minBytes: 2 } : scalar };
    case 'id':
      return { cost: 1, bound: scope.get(String(node.args)) ?? unknown };
    case '.':
    case '.?':
      return field(node, scope);
    case '[]':
    case '[?]': {
      const [left, right] = nodesIn(node.args).map((part) => estimate(part, scope));
      return { cost: 1 + (left?.cost ?? 0) + (right?.cost ?? 0), bound: left?.bound.element ?? unknown };
    }
    case 'comprehension':
      return loop(node, scope);
    case '?:': {
      const [condition, yes, no] = nodesIn(node.args).map((part) => estimate(part, scope));
      const cost = 1 + (condition?.cost ?? 0) + Math.max(yes?.cost ?? 0, no?.cost ?? 0);
      return { cost, bound: larger(yes?.bound ?? scalar, no?.bound ?? scalar) };
    }
    case 'call':
    case 'rcall':
      return call(node, scope);
    case 'list':
      return { cost: 1 + total(nodesIn(node.args), scope), bound: { max: nodesIn(node.args).length, minBytes: 2 } };
    case '+': {
      const [left, right] = nodesIn(node.args).map((part) => estimate(part, scope));
      const size = (left?.bound.max ?? 0) + (right?.bound.max ?? 0);
      const { element } = larger(left?.bound ?? scalar, right?.bound ?? scalar);
      const bound: Bound = { max: size, minBytes: 2, ...(element === undefined ? {} : { element }) };
      return { cost: 1 + size / 10 + (left?.cost ?? 0) + (right?.cost ?? 0), bound };
    }
    case '==':
    case '!=':
    case 'in': {
      const sides = nodesIn(node.args).map((part) => estimate(part, scope));
      // Of two values that are compared the smaller decides; membership may look at all.
      const sizes = sides.map((side) => side.bound.max);
      const size = node.op === 'in' ? (sizes[1] ?? 1) : Math.min(...sizes);
      return { cost: sides.reduce((sum, side) => sum + side.cost, 1 + size / 10), bound: scalar };
    }
    default:
      return { cost: 1 + total(partsOf(node), scope), bound: scalar };
  }
}

function field(node: CelNode, scope: Scope): Estimate {
  const [left, name] = Array.isArray(node.args) ? Array.from<unknown>(node.args) : [];
  const [parent] = nodesIn([left]);
  if (parent === undefined) return { cost: 1, bound: unknown };
  const { cost, bound } = estimate(parent, scope);
  return { cost: cost + 1, bound: bound.fields?.get(String(name)) ?? bound.element ?? unknown };
}

function loop(node: CelNode, scope: Scope): Estimate {
  const iterable = partOf(node, 'iterable');
  const step = partOf(node, 'step');
  const init = partOf(node, 'init');
  const over = iterable === undefined ? { cost: 0, bound: unknown } : estimate(iterable, scope);
  // The keys of a map, whose length no limit names, or the items of a list.
  const item = over.bound.element ?? scalar;
  const inner = new Map([...scope, [loopVariable(node), item]]);
  const each = step === undefined ? scopeless : estimate(step, inner);
  const start = init === undefined ? 0 : estimate(init, scope).cost;
  const bound: Bound = { max: over.bound.max, minBytes: 2, element: larger(each.bound, item) };
  return { cost: 1 + over.cost + start + over.bound.max * (each.cost + 1), bound };
}

const scopeless: Estimate = { cost: 0, bound: scalar };
const patternWeight = 4;

function call(node: CelNode, scope: Scope): Estimate {
  const found = callOf(node);
  if (found === undefined) return { cost: 1 + total(partsOf(node), scope), bound: unknown };
  const args = found.args.map((part) => estimate(part, scope));
  const receiver = found.receiver === undefined ? undefined : estimate(found.receiver, scope);
  const own = receiver?.bound.max ?? args[0]?.bound.max ?? 1;
  let cost = 1 + (receiver?.cost ?? 0) + args.reduce((sum, arg) => sum + arg.cost, 0);
  if (found.name === 'size' || found.name === 'type' || found.name === 'has') return { cost, bound: scalar };
  if (found.name === 'startsWith' || found.name === 'endsWith') cost += (args[0]?.bound.max ?? 1) / 10;
  else if (found.name === 'matchesLinear') {
    cost += Math.max(1, own / 10) * Math.max(1, (args[0]?.bound.max ?? 1) / patternWeight);
  } else if (found.name === 'contains') cost += (own / 10) * Math.max(1, (args[0]?.bound.max ?? 1) / 10);
  else cost += own / 10 + args.reduce((sum, arg) => sum + arg.bound.max / 10, 0);
  const element = receiver?.bound.element;
  const max = Math.max(own, ...args.map((arg) => arg.bound.max));
  return { cost, bound: { max, minBytes: 1, ...(element === undefined ? {} : { element }) } };
}

function total(nodes: readonly CelNode[], scope: Scope): number {
  return nodes.reduce((sum, node) => sum + estimate(node, scope).cost, 0);
}

function larger(a: Bound, b: Bound): Bound {
  return a.max >= b.max ? a : b;
}
