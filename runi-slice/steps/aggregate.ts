import {
  compileExpression,
  type Expression,
  parseAggregateValue,
  recordVariables,
} from '../../lang/expressions/index.ts';
import { rejectingExpression } from './expression.ts';
import { entryBytes, MemoryBudget } from './memory-budget.ts';
import type { BatchStep, StepContext } from './step.ts';
import { compareValues, fieldsOf, ownField } from './values.ts';

interface Value {
  readonly name: string;
  readonly kind: 'count' | 'sum' | 'avg' | 'min' | 'max';
  readonly expression: Expression | undefined;
}

interface Group {
  readonly by: readonly unknown[];
  /** Per value: how many were counted, and the sum, least or greatest so far. */
  readonly counts: number[];
  readonly results: unknown[];
}

/**
 * One record for each value of the `by` fields (without them one record for all): these fields, then the values. As in SQL
 * null is not counted, summed or compared, and sum, avg, min and max of nothing are null. Groups come out in the order of
 * their keys.
 */
export function aggregateStep(
  context: StepContext,
  by: readonly string[],
  values: Readonly<Record<string, string>>,
): BatchStep {
  const compiled = Object.entries(values).map(([name, text]) => compileValue(name, text));
  const groups = new Map<string, Group>();
  const budget = new MemoryBudget(context.spec.memoryBytesMax, `aggregate by ${by.join(', ')}`);
  if (by.length === 0) groups.set('[]', newGroup([], compiled));
  return {
    process(batch) {
      for (let index = 0; index < batch.count; index++) {
        const record = fieldsOf(context, batch, index);
        if (record === undefined) continue;
        const found = evaluateValues(context, compiled, (expression, name) =>
          rejectingExpression(context, batch, index, expression, name),
        );
        if (found === undefined) continue;
        const wrong = compiled.findIndex(
          ({ kind }, at) => (kind === 'sum' || kind === 'avg') && found[at] !== null && typeof found[at] !== 'number',
        );
        const bad = compiled[wrong];
        if (bad !== undefined) {
          const reason = `${bad.name}: ${bad.kind} needs a number, got ${JSON.stringify(found[wrong])}`;
          context.letters.addFrom(batch, index, { code: 'expression', path: '', reason });
          continue;
        }
        const keys = by.map((name) => ownField(record, name) ?? null);
        const key = JSON.stringify(keys);
        let group = groups.get(key);
        if (group === undefined) {
          budget.add(entryBytes * (2 + compiled.length) + key.length * 2);
          group = newGroup(keys, compiled);
          groups.set(key, group);
        }
        addTo(group, compiled, found);
      }
    },
    async finish() {
      const sorted = [...groups.values()].sort((a, b) => compareKeys(a.by, b.by));
      for (const group of sorted) {
        const members = [
          ...by.map((name, at) => `${JSON.stringify(name)}:${JSON.stringify(group.by[at])}`),
          ...compiled.map((value, at) => `${JSON.stringify(value.name)}:${JSON.stringify(resultOf(value, group, at))}`),
        ];
        context.emitter.text(`{${members.join(',')}}`);
        if (context.emitter.crowded) await context.emitter.room();
      }
    },
  };
}

function compileValue(name: string, text: string): Value {
  const { kind, expression } = parseAggregateValue(text);
  return { name, kind, expression: expression === '' ? undefined : compileExpression(expression, recordVariables) };
}

/** The value of each expression (true for count()); undefined when one has none. */
function evaluateValues(
  _context: StepContext,
  values: readonly Value[],
  evaluate: (expression: Expression, name: string) => unknown,
): unknown[] | undefined {
  const found: unknown[] = [];
  for (const { name, expression } of values) {
    const value = expression === undefined ? true : evaluate(expression, name);
    if (value === undefined) return undefined;
    found.push(value);
  }
  return found;
}

function newGroup(by: readonly unknown[], values: readonly Value[]): Group {
  return { by, counts: values.map(() => 0), results: values.map(() => null) };
}

function addTo(group: Group, values: readonly Value[], found: readonly unknown[]): void {
  for (let at = 0; at < values.length; at++) {
    const value = found[at];
    if (value === null) continue;
    group.counts[at] = (group.counts[at] ?? 0) + 1;
    const held = group.results[at];
    switch (values[at]?.kind) {
      case 'sum':
      case 'avg':
        group.results[at] = Number(held ?? 0) + Number(value);
        break;
      case 'min':
        if (held === null || compareValues(value, held) < 0) group.results[at] = value;
        break;
      case 'max':
        if (held === null || compareValues(value, held) > 0) group.results[at] = value;
        break;
      default:
    }
  }
}

function resultOf(value: Value, group: Group, at: number): unknown {
  const count = group.counts[at] ?? 0;
  if (value.kind === 'count') return count;
  const result = group.results[at];
  return value.kind === 'avg' && count > 0 ? Number(result) / count : result;
}

function compareKeys(a: readonly unknown[], b: readonly unknown[]): number {
  for (let at = 0; at < a.length; at++) {
    const order = compareValues(a[at], b[at]);
    if (order !== 0) return order;
  }
  return 0;
}
