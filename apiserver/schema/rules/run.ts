// Running the rules of a schema over an object, as Kubernetes runs them: each where its value is, those that speak of
// `oldSelf` only where it is known what the value was, all within one budget.
import { Optional } from '@marcbachmann/cel-js';
import type { ValidationRule } from '../../../apis/index.ts';
import { isRecord } from '../../json.ts';
import { byKeys, type Correlation, isMapList, keysOf } from '../custom/correlation.ts';
import { fieldNode, type Node } from '../custom/node.ts';
import { type Problem, problem } from '../custom/problem.ts';
import { shownValue } from '../custom/shown.ts';
import { type CompiledRule, type RuledNode, rulesOf } from './compile.ts';
import { OverBudget, type Program, RuleRefused } from './environment.ts';
import { fieldPathOf } from './field-path.ts';

/**
 * The most that one evaluation may cost, and all of one object together. Kubernetes grants an object ten million, which take
 * it a second; so long take four here.
 */
export const callCostMax = 1_000_000;
const objectCostMax = 4_000_000;
/** What it costs to begin an evaluation at all. */
const evaluationCost = 5;
const messageBytesMax = 5 * 1024;

/** What rules say of a value. `before` is what it was, absent on creates. */
export function ruleProblems(node: Node, value: unknown, correlation: Correlation | undefined): readonly Problem[] {
  if (!node.hasRules) return [];
  const run: Run = { left: objectCostMax, problems: [] };
  walk(run, node, value, {
    path: '',
    isRoot: true,
    before: correlation?.before,
    nearest: undefined,
    current: correlation,
  });
  return run.problems;
}

interface Run {
  left: number;
  readonly problems: Problem[];
}

interface Place {
  readonly path: string;
  readonly isRoot: boolean;
  /** What the value was, where rules may know it. */
  readonly before: unknown;
  /** The closest place above of which it is known what it was, and this one if it is. */
  readonly nearest: Correlation | undefined;
  readonly current: Correlation | undefined;
}

function walk(run: Run, node: Node, value: unknown, place: Place): void {
  // A null is judged by the rules above it.
  if (!node.hasRules || value === null || value === undefined || run.left < 0) return;
  if (node.rules.length > 0) runRules(run, node, value, place);
  if (run.left < 0) return;
  if (Array.isArray(value)) walkItems(run, node, value, place);
  else if (isRecord(value)) {
    const old = isRecord(place.before) ? place.before : undefined;
    for (const key of Object.keys(value).toSorted()) {
      const child = fieldNode(node, key);
      if (typeof child !== 'object') continue;
      const path = node.properties.has(key) ? join(place.path, key) : `${place.path}[${key}]`;
      const before = old !== undefined && Object.hasOwn(old, key) ? old[key] : undefined;
      // What kind and apiVersion were cannot be seen.
      const isTypeMeta = place.isRoot && (key === 'kind' || key === 'apiVersion');
      const below = isTypeMeta ? undefined : (place.current ?? place.nearest);
      const current = isTypeMeta ? undefined : place.current?.field(key);
      walk(run, child, value[key], { path, isRoot: false, before, nearest: below, current });
    }
  }
}

function walkItems(run: Run, node: Node, value: readonly unknown[], place: Place): void {
  const { items } = node;
  if (items === undefined) return;
  const old = isMapList(node) && Array.isArray(place.before) ? byKeys(node, place.before) : undefined;
  for (const [index, item] of value.entries()) {
    const before = old?.get(keysOf(node, item));
    const current = place.current?.item(index);
    const nearest = place.current ?? place.nearest;
    walk(run, items, item, { path: `${place.path}[${index}]`, isRoot: false, before, nearest, current });
  }
}

function runRules(run: Run, node: Node, value: unknown, place: Place): void {
  const ruled = rulesOf(node, place.isRoot);
  const { type } = ruled;
  if (type === undefined) {
    const words = 'rule compiler initialization error: failed to convert to declType for CEL validation rules';
    run.problems.push(invalid(node, place.path, value, words));
    return;
  }
  const self = type.read(value);
  const oldSelf = place.before === undefined || place.before === null ? undefined : type.read(place.before);
  for (const rule of ruled.rules) {
    if (run.left < 0) return;
    runRule(run, node, rule, { ruled, self, oldSelf, value, place });
  }
}

interface Subject {
  readonly ruled: RuledNode;
  readonly self: unknown;
  readonly oldSelf: unknown;
  readonly value: unknown;
  readonly place: Place;
}

function runRule(run: Run, node: Node, compiled: CompiledRule, subject: Subject): void {
  const { rule, program } = compiled;
  const { place, value, oldSelf } = subject;
  const note = (words: string) => run.problems.push(invalid(node, place.path, value, words));
  if (program instanceof RuleRefused) {
    note(`rule compile error: compilation failed: ${program.message}`);
    return;
  }
  if (program.usesOldSelf && oldSelf === undefined && rule.optionalOldSelf !== true) return;
  const variables = {
    self: subject.self,
    ...(rule.optionalOldSelf === true
      ? { oldSelf: oldSelf === undefined ? Optional.none() : Optional.of(oldSelf) }
      : oldSelf === undefined
        ? {}
        : { oldSelf }),
  };
  const outcome = evaluate(run, program, variables);
  if (outcome.kind === 'over') {
    const words =
      outcome.of === 'object'
        ? 'validation failed due to running out of cost budget, no further validation rules will be run'
        : `'operation cancelled: actual cost limit exceeded': no further validation rules will be run due to call cost exceeds limit for rule: ${shownRule(rule)}`;
    note(words);
    run.left = -1;
    return;
  }
  if (outcome.kind === 'error') {
    note(errorWords(outcome.words, rule));
    return;
  }
  if (outcome.value === true) return;
  if (!program.usesOldSelf && isExcused(place)) return;
  run.problems.push(failed(run, node, compiled, variables, subject));
}

type Outcome =
  | { readonly kind: 'value'; readonly value: unknown }
  | { readonly kind: 'error'; readonly words: string }
  | { readonly kind: 'over'; readonly of: 'call' | 'object' };

function evaluate(run: Run, program: Program, variables: Readonly<Record<string, unknown>>): Outcome {
  const costMax = Math.min(callCostMax, run.left);
  try {
    const { value, cost } = program.evaluate(variables, costMax);
    run.left -= cost + evaluationCost;
    // Rules that were not run for want of budget must not pass for rules that hold.
    return run.left < 0 ? { kind: 'over', of: 'object' } : { kind: 'value', value };
  } catch (error) {
    if (error instanceof OverBudget) return { kind: 'over', of: costMax < callCostMax ? 'object' : 'call' };
    run.left -= evaluationCost;
    return { kind: 'error', words: wordsOf(error) };
  }
}

// What did not change is not held against an update: the value itself or, where that is not known, the closest above.
function isExcused(place: Place): boolean {
  return (place.current ?? place.nearest)?.isUnchanged() === true;
}

function failed(
  run: Run,
  node: Node,
  { rule, message }: CompiledRule,
  variables: Readonly<Record<string, unknown>>,
  { value, place }: Subject,
): Problem {
  const words = messageOf(run, message, variables) ?? ruleMessage(rule);
  const path = rule.fieldPath === undefined ? place.path : join(place.path, fieldPathOf(rule.fieldPath));
  const field = path === '' ? '<nil>' : path;
  switch (rule.reason) {
    case 'FieldValueForbidden':
      return problem(rule.reason, field, `Forbidden: ${words}`);
    case 'FieldValueRequired':
      return problem(rule.reason, field, `Required value: ${words}`);
    case 'FieldValueDuplicate':
      return problem(rule.reason, field, `Duplicate value: ${shownSubject(node, value)}`);
    default:
      return invalid(node, path, value, words);
  }
}

// Undefined when there is none, or it gives no fit text; the fixed message stands in then.
function messageOf(
  run: Run,
  program: Program | RuleRefused | undefined,
  variables: Readonly<Record<string, unknown>>,
): string | undefined {
  if (program === undefined || program instanceof RuleRefused) return undefined;
  const outcome = evaluate(run, program, variables);
  if (outcome.kind !== 'value' || typeof outcome.value !== 'string') return undefined;
  const text = outcome.value.trim();
  return text === '' || text.includes('\n') || Buffer.byteLength(text) > messageBytesMax ? undefined : text;
}

function ruleMessage(rule: ValidationRule): string {
  return rule.message === undefined || rule.message === '' ? `failed rule: ${rule.rule.trim()}` : rule.message.trim();
}

function shownRule(rule: ValidationRule): string {
  return rule.message === undefined || rule.message === '' ? rule.rule.trim() : rule.message.trim();
}

function errorWords(words: string, rule: ValidationRule): string {
  if (words.startsWith('no such overload') || words.startsWith('found no matching overload')) {
    return `'${words}': call arguments did not match a supported operator, function or macro signature for rule: ${shownRule(rule)}`;
  }
  return `${words} evaluating rule: ${shownRule(rule)}`;
}

function wordsOf(error: unknown): string {
  const summary: unknown = error instanceof Error ? Reflect.get(error, 'summary') : undefined;
  const words = typeof summary === 'string' ? summary : error instanceof Error ? error.message : String(error);
  return words.replace(/^No such key: /, 'no such key: ').replaceAll(/\s+/g, ' ');
}

function invalid(node: Node, path: string, value: unknown, words: string): Problem {
  const message = `Invalid value: ${shownSubject(node, value)}: ${words}`;
  return problem('FieldValueInvalid', path === '' ? '<nil>' : path, message);
}

// Whole objects and lists are told by their type.
function shownSubject(node: Node, value: unknown): string {
  const { type } = node.schema;
  return type === 'object' || type === 'array' ? `"${type}"` : shownValue(value);
}

function join(path: string, key: string): string {
  if (path === '') return key;
  return key.startsWith('[') ? `${path}${key}` : `${path}.${key}`;
}
