import { UsageError } from '../failure.ts';
import { type Operand, type Part, parsePath, parseTemplate, type Step } from './jsonpath-parse.ts';

const resultsMax = 1_000_000;

/** Fills a template from an object. A path that finds nothing gives nothing; several results are joined by a space. */
export function jsonpath(template: string, value: unknown): string {
  return fill(parseTemplate(template), value);
}

/** Every value at a path such as `.status.phase`. */
export function jsonpathValues(path: string, value: unknown): unknown[] {
  return walk(parsePath(path.replace(/^\{(.*)\}$/s, '$1')), value);
}

/** A value as a template prints it: text as it is, the rest as JSON. */
export function valueText(value: unknown): string {
  if (typeof value === 'string') return value;
  return value === undefined || value === null ? '' : JSON.stringify(value);
}

function fill(parts: readonly Part[], value: unknown): string {
  let text = '';
  for (const part of parts) {
    if (part.kind === 'text') text += part.text;
    else if (part.kind === 'path') text += walk(part.steps, value).map(valueText).join(' ');
    else for (const item of walk(part.steps, value)) text += fill(part.body, item);
  }
  return text;
}

function walk(steps: readonly Step[], value: unknown): unknown[] {
  let found: unknown[] = [value];
  for (const step of steps) {
    found = found.flatMap((item) => take(step, item));
    if (found.length > resultsMax) throw new UsageError(`jsonpath: more than ${resultsMax} results`);
  }
  return found;
}

function take(step: Step, value: unknown): unknown[] {
  switch (step.kind) {
    case 'field':
      return own(value, step.name);
    case 'fields':
      return step.names.flatMap((name) => own(value, name));
    case 'wildcard':
      return children(value);
    case 'recurse':
      return descendants(value);
    case 'indices':
      return Array.isArray(value)
        ? step.indices.flatMap((index) => {
            const item: unknown = value.at(index);
            return item === undefined ? [] : [item];
          })
        : [];
    case 'slice':
      return Array.isArray(value)
        ? value.slice(step.from, step.to).filter((_, index) => index % (step.by ?? 1) === 0)
        : [];
    default:
      return children(value).filter((item) => holds(step, item));
  }
}

function holds(step: Extract<Step, { kind: 'filter' }>, item: unknown): boolean {
  const left = operandValue(step.left, item);
  if (step.operator === undefined || step.right === undefined) return left !== undefined;
  const right = operandValue(step.right, item);
  switch (step.operator) {
    case '==':
      return left === right;
    case '!=':
      return left !== undefined && left !== right;
    default:
      return compare(step.operator, left, right);
  }
}

function compare(operator: string, left: unknown, right: unknown): boolean {
  const areNumbers = typeof left === 'number' && typeof right === 'number';
  if (!areNumbers && !(typeof left === 'string' && typeof right === 'string')) return false;
  const [a, b] = [left, right] as [number, number];
  if (operator === '<') return a < b;
  if (operator === '<=') return a <= b;
  return operator === '>' ? a > b : a >= b;
}

function operandValue(operand: Operand, item: unknown): unknown {
  return operand.kind === 'value' ? operand.value : walk(operand.steps, item)[0];
}

function own(value: unknown, name: string): unknown[] {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return [];
  const item: unknown = Reflect.get(value, name);
  return item === undefined ? [] : [item];
}

function children(value: unknown): unknown[] {
  if (Array.isArray(value)) return value;
  return typeof value === 'object' && value !== null ? Object.values(value) : [];
}

function descendants(value: unknown): unknown[] {
  return [value, ...children(value).flatMap(descendants)];
}
