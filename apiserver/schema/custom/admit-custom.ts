// An object of a user's kind: pruned, defaulted and checked as a CustomResourceDefinition says, in Kubernetes' order.
import type { Schema, StatusCause } from '../../../apis/index.ts';
import { isRecord, type JsonRecord } from '../../json.ts';
import { ruleProblems } from '../rules/run.ts';
import { Budget, TooMuchWork } from './budget.ts';
import { Correlation } from './correlation.ts';
import { withDefaults } from './defaults.ts';
import { embeddedProblems, withoutStrangeMeta } from './embedded.ts';
import { listProblems } from './list-types.ts';
import { type Node, nodeOf } from './node.ts';
import { type Problem, problem } from './problem.ts';
import { prune } from './prune.ts';
import { type ScalePaths, scaleProblems } from './scale.ts';
import { validate } from './validate.ts';

/** What came of a custom object; its metadata is not looked at here, but by rules of the schema. */
export interface CustomAdmitted {
  readonly value: JsonRecord;
  readonly causes: readonly StatusCause[];
  readonly unknownFields: readonly string[];
}

/** Prunes, defaults and validates a whole object; `before` is what it was, on updates. Never throws for what is wrong. */
export function admitCustom(
  schema: Schema,
  value: JsonRecord,
  before: JsonRecord | undefined,
  scale: ScalePaths | undefined,
): CustomAdmitted {
  const budget = new Budget();
  const unknownFields: string[] = [];
  let next: JsonRecord = value;
  try {
    const node = nodeOf(schema);
    next = shaped(node, value, budget, unknownFields);
    const problems = problemsOf(node, next, before, budget, scale);
    return { value: next, causes: problems.map(asCause), unknownFields: unknownFields.toSorted() };
  } catch (error) {
    if (!(error instanceof TooMuchWork)) throw error;
    const causes = [asCause(problem('FieldValueInvalid', '<nil>', `Invalid value: "object": ${error.message}`))];
    return { value: next, causes, unknownFields };
  }
}

/** A stored object as its schema of today shows it: pruned and defaulted, itself when nothing changes. */
export function asReadCustom(schema: Schema, value: JsonRecord): JsonRecord {
  try {
    return shaped(nodeOf(schema), value, new Budget(), []);
  } catch (error) {
    if (error instanceof TooMuchWork) return value;
    throw error;
  }
}

function shaped(node: Node, value: JsonRecord, budget: Budget, unknownFields: string[]): JsonRecord {
  const pruned = prune(node, value, true, budget, unknownFields);
  const known = withoutStrangeMeta(node, pruned, budget, unknownFields);
  const defaulted = withDefaults(node, known, budget);
  return isRecord(defaulted) ? defaulted : value;
}

function problemsOf(
  node: Node,
  value: JsonRecord,
  before: JsonRecord | undefined,
  budget: Budget,
  scale: ScalePaths | undefined,
): readonly Problem[] {
  const correlation = before === undefined ? undefined : new Correlation(node, before, value);
  const problems = [
    ...validate(node, value, budget, correlation),
    ...(scale === undefined ? [] : scaleProblems(scale, value)),
    ...embeddedProblems(node, value, budget),
  ];
  // What was doubled before may stay so: the list cannot say which of the two changed.
  if (before === undefined || listProblems(node, before, budget).length === 0) {
    problems.push(...listProblems(node, value, budget));
  }
  if (!node.hasRules) return problems;
  if (problems.some((one) => one.blocks)) {
    const words =
      'some validation rules were not checked because the object was invalid; correct the existing errors to complete validation';
    return [...problems, problem('FieldValueInvalid', '<nil>', `Invalid value: "null": ${words}`)];
  }
  return [...problems, ...ruleProblems(node, value, correlation)];
}

function asCause({ reason, message, field }: Problem): StatusCause {
  return { reason, message, field };
}
