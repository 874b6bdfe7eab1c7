// What is wrong with the rules of a schema when it is defined: texts, names, types, and how much they could cost.
import type { Schema, StatusCause } from '../../../apis/index.ts';
import * as cause from '../causes.ts';
import { type Node, nodeOf } from '../custom/node.ts';
import { requestBytesMax } from './bounds.ts';
import type { CelType } from './cel-types.ts';
import { type CompiledRule, rulesOf } from './compile.ts';
import { RuleRefused } from './environment.ts';
import { estimatedCost } from './estimate.ts';
import { isFieldPath } from './field-path.ts';

/** The most that one rule, and all of a schema together, may be estimated to cost. */
export const ruleCostMax = 10_000_000;
export const schemaCostMax = 100_000_000;
/** Most rules of one schema; each takes some milliseconds to compile. */
const rulesMax = 1000;

const reasons = ['FieldValueDuplicate', 'FieldValueForbidden', 'FieldValueInvalid', 'FieldValueRequired'];

interface Place {
  readonly path: string;
  readonly isRoot: boolean;
  /** How often values of this node can be in one object; undefined when nothing limits it. */
  readonly times: number | undefined;
  /** The closest list above whose items cannot be followed through an update. */
  readonly uncorrelatable: string | undefined;
}

interface Totals {
  cost: number;
  rules: number;
  readonly expensive: { readonly path: string; readonly cost: number }[];
}

/** What is wrong with the rules of a structural schema. */
export function definitionRuleProblems(schema: Schema, path: string): readonly StatusCause[] {
  const node = nodeOf(schema);
  if (!node.hasRules) return [];
  const totals: Totals = { cost: 0, rules: 0, expensive: [] };
  const problems = problemsOf(node, { path, isRoot: true, times: 1, uncorrelatable: undefined }, totals);
  if (totals.rules > rulesMax) problems.push(cause.tooMany(path, totals.rules, rulesMax));
  if (totals.cost > schemaCostMax) {
    const words = 'contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema';
    const most = totals.expensive.toSorted((a, b) => b.cost - a.cost).slice(0, 4);
    problems.push(...most.map((one) => cause.forbidden(one.path, words)));
    const name = 'x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema';
    problems.push(cause.forbidden(path, costWords(name, totals.cost, schemaCostMax)));
  }
  return problems;
}

function problemsOf(node: Node, place: Place, totals: Totals): StatusCause[] {
  if (!node.hasRules || totals.rules > rulesMax) return [];
  const problems: StatusCause[] = [];
  const { additional, items, schema } = node;
  if (typeof additional === 'object') {
    const times = multiplied(place.times, schema.maxProperties);
    problems.push(
      ...problemsOf(additional, { ...place, path: `${place.path}.additionalProperties`, isRoot: false, times }, totals),
    );
  }
  for (const [name, child] of node.properties) {
    const path = `${place.path}.properties[${name}]`;
    problems.push(...problemsOf(child, { ...place, path, isRoot: false }, totals));
  }
  if (items !== undefined) {
    const times = multiplied(place.times, schema.maxItems);
    const isMap = schema['x-kubernetes-list-type'] === 'map';
    const uncorrelatable = place.uncorrelatable ?? (isMap ? undefined : place.path);
    problems.push(...problemsOf(items, { path: `${place.path}.items`, isRoot: false, times, uncorrelatable }, totals));
  }
  if (node.rules.length > 0) problems.push(...ownProblems(node, place, totals));
  return problems;
}

function ownProblems(node: Node, place: Place, totals: Totals): StatusCause[] {
  totals.rules += node.rules.length;
  const at = (index: number) => `${place.path}.x-kubernetes-validations[${index}]`;
  const texts = node.rules.flatMap((_, index) => textProblems(node, index, at(index)));
  if (texts.length > 0 || totals.rules > rulesMax) return texts;
  const { type, rules } = rulesOf(node, place.isRoot);
  if (type === undefined) {
    const words = 'rules cannot be used here: the type of the value is not known to them';
    return [cause.forbidden(`${place.path}.x-kubernetes-validations`, words)];
  }
  return rules.flatMap((compiled, index) => programProblems(compiled, type, at(index), place, totals));
}

function textProblems(node: Node, index: number, path: string): StatusCause[] {
  const rule = node.rules[index];
  if (rule === undefined) return [];
  const { message = '', messageExpression = '', reason, fieldPath = '' } = rule;
  const problems: StatusCause[] = [];
  if (rule.rule.trim() === '') problems.push(cause.required(`${path}.rule`, 'rule is not specified'));
  else if (message !== '' && message.trim() === '') {
    problems.push(cause.invalid(`${path}.message`, message, 'must be non-empty if specified'));
  } else if (/[\n\r]/.test(message.trim())) {
    problems.push(cause.invalid(`${path}.message`, message, 'must not contain line breaks'));
  } else if (/[\n\r]/.test(rule.rule.trim()) && message.trim() === '') {
    problems.push(cause.required(`${path}.message`, 'message must be specified if rule contains line breaks'));
  }
  if (messageExpression !== '' && messageExpression.trim() === '') {
    problems.push(cause.required(`${path}.messageExpression`, 'messageExpression must be non-empty if specified'));
  }
  if (reason !== undefined && !reasons.includes(reason)) {
    problems.push(cause.notSupported(`${path}.reason`, reason, reasons));
  }
  if (fieldPath !== '' && fieldPath.trim() === '') {
    problems.push(cause.invalid(`${path}.fieldPath`, fieldPath, 'must be non-empty if specified'));
  }
  if (/[\n\r]/.test(fieldPath)) {
    problems.push(cause.invalid(`${path}.fieldPath`, fieldPath, 'must not contain line breaks'));
  }
  if (fieldPath !== '' && !isFieldPath(fieldPath, node)) {
    problems.push(cause.invalid(`${path}.fieldPath`, fieldPath, 'must be a valid path'));
  }
  return problems;
}

function programProblems(
  { rule, program, message }: CompiledRule,
  type: CelType,
  path: string,
  place: Place,
  totals: Totals,
): StatusCause[] {
  if (program instanceof RuleRefused) {
    const words = isResultWords(program) ? program.message : `compilation failed: ${program.message}`;
    return [cause.invalid(`${path}.rule`, rule, words)];
  }
  const times = place.times ?? Math.floor(requestBytesMax / (type.bound.minBytes + 1));
  const problems = costProblems(
    'estimated rule cost',
    estimatedCost(program.tree, type.bound) * times,
    `${path}.rule`,
    totals,
  );
  if (message instanceof RuleRefused) {
    const words = isResultWords(message) ? message.message : `messageExpression compilation failed: ${message.message}`;
    problems.push(cause.invalid(`${path}.messageExpression`, rule, words));
  } else if (message !== undefined) {
    const cost = estimatedCost(message.tree, type.bound);
    problems.push(...costProblems('estimated messageExpression cost', cost, `${path}.messageExpression`, totals));
  }
  if (program.usesOldSelf && place.uncorrelatable !== undefined) {
    const words = `oldSelf cannot be used on the uncorrelatable portion of the schema within ${place.uncorrelatable}`;
    problems.push(cause.invalid(`${path}.rule`, rule.rule, words));
  }
  if (!program.usesOldSelf && rule.optionalOldSelf !== undefined) {
    const words = 'may not be set if oldSelf is not used in rule';
    problems.push(cause.invalid(`${path}.optionalOldSelf`, rule.optionalOldSelf, words));
  }
  return problems;
}

function isResultWords(refused: RuleRefused): boolean {
  return refused.message.includes('must evaluate to a');
}

function costProblems(name: string, estimated: number, path: string, totals: Totals): StatusCause[] {
  totals.cost += estimated;
  totals.expensive.push({ path, cost: estimated });
  return estimated > ruleCostMax ? [cause.forbidden(path, costWords(name, estimated, ruleCostMax))] : [];
}

function costWords(name: string, cost: number, max: number): string {
  const times = cost / max;
  const factor = times > 100 ? 'more than 100x' : times < 1.5 ? `${times.toFixed(6)}x` : `${times.toFixed(1)}x`;
  return `${name} exceeds budget by factor of ${factor} (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)`;
}

function multiplied(times: number | undefined, max: number | undefined): number | undefined {
  return times === undefined || max === undefined ? undefined : times * max;
}
